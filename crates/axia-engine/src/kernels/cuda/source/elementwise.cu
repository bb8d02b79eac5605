// Additions, conversions and sums over flat arrays.

extern "C" __global__ void add(const float *x, float *y, u64 len) {
    walk(
        is_aligned(x) && is_aligned(y), len,
        [=](u64 i) {
            Four term = fours(x)[i], sum = fours(y)[i];
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                sum.of[e] += term.of[e];
            }
            fours(y)[i] = sum;
        },
        [=](u64 i) { y[i] += x[i]; });
}

extern "C" __global__ void scale(float *x, float factor, u64 len) {
    walk(
        is_aligned(x), len,
        [=](u64 i) {
            Four product = fours(x)[i];
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                product.of[e] *= factor;
            }
            fours(x)[i] = product;
        },
        [=](u64 i) { x[i] *= factor; });
}

// Adds `row` (width) to every row of y.
extern "C" __global__ void add_to_rows(const float *row, float *y, u32 width, u64 len) {
    for (u64 i = thread_of_grid(); i < len; i += threads_of_grid()) {
        y[i] += row[i % width];
    }
}

extern "C" __global__ void soft_cap_all(float *x, float cap, u64 len) {
    for (u64 i = thread_of_grid(); i < len; i += threads_of_grid()) {
        x[i] = soft_cap(x[i], cap);
    }
}

extern "C" __global__ void to_bf16(const float *x, bf16 *y, u64 len) {
    walk(
        is_aligned(x) && is_aligned(y), len,
        [=](u64 i) { bf16_fours(y)[i] = narrow(fours(x)[i]); },
        [=](u64 i) { y[i] = narrow(x[i]); });
}

extern "C" __global__ void from_bf16(const bf16 *x, float *y, u64 len) {
    walk(
        is_aligned(x) && is_aligned(y), len,
        [=](u64 i) { fours(y)[i] = widen(fours(x)[i]); }, [=](u64 i) { y[i] = widen(x[i]); });
}

// Sums of squares of many arrays: block (x, y) adds up its share of array y into
// parts[y * gridDim.x + x], in an order that depends on the sizes alone.
extern "C" __global__ void square_sums(const u64 *arrays, const u64 *lengths, double *parts) {
    __shared__ double sums[256];
    const float *x = reinterpret_cast<const float *>(arrays[blockIdx.y]);
    u64 len = lengths[blockIdx.y];
    double sum = 0.0;
    for (u64 i = thread_of_grid(); i < len; i += threads_of_grid()) {
        sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
    sums[threadIdx.x] = sum;
    for (u32 half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            sums[threadIdx.x] += sums[threadIdx.x + half];
        }
    }
    if (threadIdx.x == 0) {
        parts[static_cast<u64>(blockIdx.y) * gridDim.x + blockIdx.x] = sums[0];
    }
}
