// A stand-in for cuBLASLt: column-major products by their definition, with sums in single precision.
// What its manual asks of descriptions, alignments and the chosen algorithm is checked.

#include "queue.h"

using namespace stand_in;

namespace {

// Results of cuBLAS, types of numbers, ways of computing.
const int BLAS_SUCCESS = 0, BLAS_INVALID_VALUE = 7, BLAS_NOT_SUPPORTED = 15;
const int F32 = 0, BF16 = 14;
const int COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77;

struct Description {
    int compute, scale;
    int transposed[2];
};

struct Layout {
    int type;
    uint64_t rows, columns;
    int64_t leading;
};

struct Preference {
    size_t workspace;
    // Of both factors, what is added to, and the product.
    unsigned alignments[4];
};

// What the library's opaque 64 bytes hold here.
struct Algorithm {
    uint64_t shapes, workspace;
    unsigned alignments[4];
    uint64_t unused[4];
};

struct Found {
    Algorithm algorithm;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

uint64_t mixed(uint64_t hash, uint64_t value) { return (hash ^ value) * 0x100000001b3ull; }

// A number for all that an algorithm was chosen for.
uint64_t shapes(const Description &description, const Layout *const layouts[4]) {
    uint64_t hash = mixed(mixed(1469598103934665603ull, description.compute), description.scale);
    hash = mixed(mixed(hash, description.transposed[0]), description.transposed[1]);
    for (int i = 0; i < 4; i++) {
        hash = mixed(mixed(hash, layouts[i]->type), layouts[i]->rows);
        hash = mixed(mixed(hash, layouts[i]->columns), layouts[i]->leading);
    }
    return hash;
}

bool is_product(const Description &d, const Layout *const layouts[4]) {
    const Layout &a = *layouts[0], &b = *layouts[1], &c = *layouts[2], &out = *layouts[3];
    uint64_t m = d.transposed[0] ? a.columns : a.rows, k = d.transposed[0] ? a.rows : a.columns;
    uint64_t n = d.transposed[1] ? b.rows : b.columns, inner = d.transposed[1] ? b.columns : b.rows;
    bool agrees = inner == k && out.rows == m && out.columns == n && c.rows == m && c.columns == n;
    bool is_known = d.scale == F32 && a.type == b.type && c.type == out.type &&
                    (a.type == F32 ? out.type == F32 : a.type == BF16);
    bool is_computed = d.compute == COMPUTE_32F || (d.compute == COMPUTE_32F_FAST_TF32 && a.type == F32);
    return agrees && is_known && is_computed && m && n && k;
}

float widened(uint16_t bits) {
    uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

uint16_t narrowed(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float read(const void *from, int type, uint64_t at) {
    return type == F32 ? static_cast<const float *>(from)[at]
                       : widened(static_cast<const uint16_t *>(from)[at]);
}

size_t bytes(const Layout &layout) {
    return layout.columns * static_cast<uint64_t>(layout.leading) * (layout.type == F32 ? 4 : 2);
}

int multiply(const Description &d, float alpha, float beta, const void *a, const Layout &a_layout,
             const void *b, const Layout &b_layout, void *out, const Layout &layout) {
    uint64_t inner = d.transposed[0] ? a_layout.rows : a_layout.columns;
    for (uint64_t column = 0; column < layout.columns; column++) {
        for (uint64_t row = 0; row < layout.rows; row++) {
            float sum = 0.0f;
            for (uint64_t i = 0; i < inner; i++) {
                uint64_t at_a = d.transposed[0] ? row * a_layout.leading + i : i * a_layout.leading + row;
                uint64_t at_b =
                    d.transposed[1] ? i * b_layout.leading + column : column * b_layout.leading + i;
                sum += read(a, a_layout.type, at_a) * read(b, b_layout.type, at_b);
            }
            uint64_t at = column * layout.leading + row;
            // What is there may be NaN where it does not count.
            float value = alpha * sum + (beta == 0.0f ? 0.0f : beta * read(out, layout.type, at));
            if (layout.type == F32) {
                static_cast<float *>(out)[at] = value;
            } else {
                static_cast<uint16_t *>(out)[at] = narrowed(value);
            }
        }
    }
    return SUCCESS;
}

}  // namespace

extern "C" {

int cublasLtCreate(void **handle) {
    *handle = &card;
    return BLAS_SUCCESS;
}

int cublasLtDestroy(void *) { return BLAS_SUCCESS; }

int cublasLtMatmulDescCreate(Description **description, int compute, int scale) {
    *description = new Description{compute, scale, {0, 0}};
    return BLAS_SUCCESS;
}

int cublasLtMatmulDescDestroy(Description *description) {
    delete description;
    return BLAS_SUCCESS;
}

int cublasLtMatmulDescSetAttribute(Description *description, int attribute, const void *value,
                                   size_t size) {
    const int TRANSPOSED_A = 3;
    int32_t transposed;
    if (attribute < TRANSPOSED_A || attribute > TRANSPOSED_A + 1 || size != sizeof transposed) {
        return BLAS_INVALID_VALUE;
    }
    memcpy(&transposed, value, size);
    description->transposed[attribute - TRANSPOSED_A] = transposed;
    return transposed == 0 || transposed == 1 ? BLAS_SUCCESS : BLAS_INVALID_VALUE;
}

int cublasLtMatrixLayoutCreate(Layout **layout, int type, uint64_t rows, uint64_t columns,
                               int64_t leading) {
    *layout = new Layout{type, rows, columns, leading};
    bool is_sound = leading > 0 && static_cast<uint64_t>(leading) >= rows;
    return is_sound ? BLAS_SUCCESS : BLAS_INVALID_VALUE;
}

int cublasLtMatrixLayoutDestroy(Layout *layout) {
    delete layout;
    return BLAS_SUCCESS;
}

int cublasLtMatmulPreferenceCreate(Preference **preference) {
    *preference = new Preference{0, {256, 256, 256, 256}};
    return BLAS_SUCCESS;
}

int cublasLtMatmulPreferenceDestroy(Preference *preference) {
    delete preference;
    return BLAS_SUCCESS;
}

int cublasLtMatmulPreferenceSetAttribute(Preference *preference, int attribute, const void *value,
                                         size_t size) {
    const int WORKSPACE = 1, ALIGNMENT_A = 5;
    if (attribute == WORKSPACE && size == sizeof(size_t)) {
        memcpy(&preference->workspace, value, size);
        return BLAS_SUCCESS;
    }
    if (attribute < ALIGNMENT_A || attribute > ALIGNMENT_A + 3 || size != sizeof(uint32_t)) {
        return BLAS_INVALID_VALUE;
    }
    memcpy(&preference->alignments[attribute - ALIGNMENT_A], value, size);
    return BLAS_SUCCESS;
}

int cublasLtMatmulAlgoGetHeuristic(void *, Description *description, Layout *a, Layout *b, Layout *c,
                                   Layout *out, Preference *preference, int wanted, Found *found,
                                   int *count) {
    const Layout *const layouts[4] = {a, b, c, out};
    *count = 0;
    if (wanted < 1 || !is_product(*description, layouts)) {
        return BLAS_NOT_SUPPORTED;
    }
    *found = Found{};
    found->algorithm.shapes = shapes(*description, layouts);
    found->algorithm.workspace = found->workspace = preference->workspace;
    memcpy(found->algorithm.alignments, preference->alignments, sizeof preference->alignments);
    *count = 1;
    return BLAS_SUCCESS;
}

int cublasLtMatmul(void *, Description *description, const float *alpha, const void *a, Layout *a_layout,
                   const void *b, Layout *b_layout, const float *beta, const void *c, Layout *c_layout,
                   void *out, Layout *layout, const Algorithm *algorithm, void *workspace, size_t size,
                   void *) {
    const Layout *const layouts[4] = {a_layout, b_layout, c_layout, layout};
    if (!is_product(*description, layouts) || algorithm->shapes != shapes(*description, layouts) ||
        algorithm->workspace > size || c != out) {
        return BLAS_INVALID_VALUE;
    }
    std::lock_guard<std::recursive_mutex> lock(card.mutex);
    const void *const all[4] = {a, b, c, out};
    for (int i = 0; i < 4; i++) {
        uint64_t at = reinterpret_cast<uint64_t>(all[i]);
        if (at % algorithm->alignments[i] != 0 || !card.holds(at, bytes(*layouts[i]))) {
            return BLAS_INVALID_VALUE;
        }
    }
    if (!card.holds(reinterpret_cast<uint64_t>(workspace), size)) {
        return BLAS_INVALID_VALUE;
    }
    // Factors and descriptions are read now, matrices when it is their turn.
    card.queue([=, d = *description, by = *alpha, before = *beta, of_a = *a_layout, of_b = *b_layout,
                of_out = *layout] {
        return multiply(d, by, before, a, of_a, b, of_b, out, of_out);
    });
    return BLAS_SUCCESS;
}

}  // extern "C"
