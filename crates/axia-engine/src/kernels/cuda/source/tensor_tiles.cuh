// What forest attention's kernels on tensor cores share. This text is put before both, after
// attention_tiles.cuh, whose tiles, runs and positions they use.
//
// Factors are rounded to bf16, sums are f32. Products are of 16 x 16 by 16 x 8 numbers: the
// fragments that a warp's threads hold are those of PTX's mma.m16n8k16. With g = lane / 4 and
// t = lane % 4, a thread has of the first factor rows g and g + 8, of the second column g, of the
// product rows g and g + 8 and of each columns 2t and 2t + 1. Tiles lie in shared memory by rows,
// which begin at multiples of 16 bytes; PAD numbers between them keep reads free of bank conflicts.

#ifndef AXIA_TENSOR_TILES
#define AXIA_TENSOR_TILES

#define PAD 8

#ifndef AXIA_HOST_SHIM
// c += a b
__device__ inline void mma(const u32 (&a)[4], u32 b0, u32 b1, float (&c)[4]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Four matrices of 8 x 8 numbers from shared memory: lanes 8i to 8i + 7 name the rows of matrix i.
// A thread gets numbers 2t and 2t + 1 of row g of each.
__device__ inline void load_matrices(const bf16 *row, u32 (&found)[4]) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(found[0]), "=r"(found[1]), "=r"(found[2]), "=r"(found[3])
                 : "r"(static_cast<u32>(__cvta_generic_to_shared(row)))
                 : "memory");
}

// The same, but a thread gets numbers 2t and 2t + 1 of column g.
__device__ inline void load_transposed(const bf16 *row, u32 (&found)[4]) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(found[0]), "=r"(found[1]), "=r"(found[2]), "=r"(found[3])
                 : "r"(static_cast<u32>(__cvta_generic_to_shared(row)))
                 : "memory");
}
#endif

// Rows of a tile in x (queries, heads * head_dim).
struct QueryRows {
    const float *x;
    Rows rows;
    Layer layer;
    // A row's head, or null where there is none.
    __device__ const float *operator[](u32 row) const {
        return row < rows.count ? x + head_of(rows, layer, row) * layer.head_dim : nullptr;
    }
};

// Keys or values in x (keys, kv_heads * head_dim).
struct KeyRows {
    const float *x;
    const u32 *keys;
    u32 kv_head;
    Layer layer;
    __device__ const float *operator[](u32 row) const {
        u64 head = static_cast<u64>(keys[row]) * layer.kv_heads + kv_head;
        return keys[row] != NO_KEY ? x + head * layer.head_dim : nullptr;
    }
};

// Copies COUNT rows to `to` (COUNT, DIM + PAD), with zeros where there is nothing; the block has WARPS
// warps. Heads whose width allows it are read four numbers at a time, several rows at once: what is
// not there is read elsewhere and thrown away, so that no read waits for a branch.
template <int COUNT, int DIM, int WARPS, typename AllRows>
__device__ void load_tile(const AllRows &all_rows, u32 head_dim, bf16 *to) {
    constexpr u32 LANES = DIM >= 128 ? 32 : DIM / 4, PARTS = DIM / (4 * LANES);
    constexpr u32 AT_ONCE = WARPS * 32 / LANES, STEPS = COUNT / AT_ONCE;
    constexpr u32 TOGETHER = STEPS < 4 / PARTS ? STEPS : 4 / PARTS;
    static_assert(COUNT % AT_ONCE == 0 && STEPS % TOGETHER == 0, "rows are dealt out evenly");
    if (head_dim % 4 != 0) {
#pragma unroll 1
        for (u32 i = threadIdx.x; i < COUNT * DIM; i += WARPS * 32) {
            u32 row = i / DIM, d = i % DIM;
            const float *from = all_rows[row];
            to[row * (DIM + PAD) + d] = narrow(from && d < head_dim ? from[d] : 0.0f);
        }
        return;
    }
    u32 own_row = threadIdx.x / LANES, own_part = 4 * (threadIdx.x % LANES);
    for (u32 step = 0; step < STEPS; step += TOGETHER) {
        Four found[TOGETHER][PARTS];
#pragma unroll
        for (u32 t = 0; t < TOGETHER; t++) {
            const float *from = all_rows[(step + t) * AT_ONCE + own_row];
#pragma unroll
            for (u32 p = 0; p < PARTS; p++) {
                u32 d = own_part + 4 * LANES * p;
                bool is_there = from && d < head_dim;
                found[t][p] = *fours(is_there ? from + d : all_rows.x);
#pragma unroll
                for (u32 e = 0; e < 4; e++) {
                    found[t][p].of[e] = is_there ? found[t][p].of[e] : 0.0f;
                }
            }
        }
#pragma unroll
        for (u32 t = 0; t < TOGETHER; t++) {
            bf16 *row = to + ((step + t) * AT_ONCE + own_row) * (DIM + PAD) + own_part;
#pragma unroll
            for (u32 p = 0; p < PARTS; p++) {
                *bf16_fours(row + 4 * LANES * p) = narrow(found[t][p]);
            }
        }
    }
}

template <int N>
__device__ void set_zero(float (&sums)[N][4]) {
#pragma unroll
    for (int j = 0; j < N; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
            sums[j][e] = 0.0f;
        }
    }
}

// products[j] = 16 rows . rows 8 j to 8 j + 7 of `others`; both of DIM numbers, DIM + PAD apart
template <int DIM, int N>
__device__ void multiply_tiles(const bf16 *rows, const bf16 *others, float (&products)[N][4]) {
    u32 lane = threadIdx.x % 32, upper = lane / 8 % 2, right = lane / 16;
    const bf16 *row = rows + (lane % 8 + 8 * upper) * (DIM + PAD) + 8 * right;
    const bf16 *other = others + (lane % 8 + 8 * right) * (DIM + PAD) + 8 * upper;
    set_zero(products);
#pragma unroll 4
    for (int d = 0; d < DIM; d += 16) {
        u32 a[4];
        load_matrices(row + d, a);
#pragma unroll
        for (int j = 0; j < N; j += 2) {
            u32 b[4];
            load_matrices(other + 8 * j * (DIM + PAD) + d, b);
            mma(a, b[0], b[1], products[j]);
            mma(a, b[2], b[3], products[j + 1]);
        }
    }
}

// A product of 16 rows and COUNT columns as the first factor of the next.
template <int COUNT>
__device__ void as_factor(const float (&product)[COUNT / 8][4], u32 (&factor)[COUNT / 16][4]) {
#pragma unroll
    for (int k = 0; k < COUNT / 16; k++) {
#pragma unroll
        for (int side = 0; side < 2; side++) {
            const float(&part)[4] = product[2 * k + side];
            factor[k][2 * side] = pack(part[0], part[1]);
            factor[k][2 * side + 1] = pack(part[2], part[3]);
        }
    }
}

// sums[j] += factor (16, COUNT) . columns 8 j to 8 j + 7 of `rows` (COUNT, DIM + PAD)
template <int COUNT, int DIM, int N>
__device__ void add_products(const u32 (&factor)[COUNT / 16][4], const bf16 *rows,
                             float (&sums)[N][4]) {
    u32 lane = threadIdx.x % 32;
    const bf16 *row = rows + lane % 16 * (DIM + PAD) + 8 * (lane / 16);
#pragma unroll
    for (int k = 0; k < COUNT / 16; k++) {
#pragma unroll
        for (int j = 0; j < N; j += 2) {
            u32 b[4];
            load_transposed(row + 16 * k * (DIM + PAD) + 8 * j, b);
            mma(factor[k], b[0], b[1], sums[j]);
            mma(factor[k], b[2], b[3], sums[j + 1]);
        }
    }
}

// Writes what a thread has of one row of a product, `half` 0 for row g and 1 for g + 8, times
// factor; the row's numbers begin at `first` of a head, as far as the head goes.
template <int N>
__device__ void store_row(const float (&sums)[N][4], u32 half, float factor, u32 first,
                          u32 head_dim, float *to) {
#pragma unroll
    for (u32 j = 0; j < N; j++) {
#pragma unroll
        for (u32 e = 0; e < 2; e++) {
            u32 d = first + 8 * j + 2 * (threadIdx.x % 4) + e;
            if (d < head_dim) {
                to[d] = sums[j][2 * half + e] * factor;
            }
        }
    }
}

#endif
