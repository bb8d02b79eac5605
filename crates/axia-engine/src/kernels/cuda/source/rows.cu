// Moves of whole rows: one block per row.

template <typename T>
__device__ void move_row(const T *from, u32 width, bool adds, float *to) {
    bool in_fours = width % 4 == 0 && is_aligned(from) && is_aligned(to);
    for (u32 i = threadIdx.x; in_fours && i < width / 4; i += blockDim.x) {
        Four moved = widen(fours(from)[i]);
        if (adds) {
            Four sum = fours(to)[i];
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                moved.of[e] += sum.of[e];
            }
        }
        fours(to)[i] = moved;
    }
    for (u32 i = threadIdx.x; !in_fours && i < width; i += blockDim.x) {
        to[i] = adds ? to[i] + widen(from[i]) : widen(from[i]);
    }
}

__device__ inline u64 own_row(u32 width) { return static_cast<u64>(blockIdx.x) * width; }

__device__ inline u64 other_row(const u32 *rows, u32 width) {
    return static_cast<u64>(rows[blockIdx.x]) * width;
}

// out[i] = x[rows[i]]
extern "C" __global__ void gather(const float *x, const u32 *rows, u32 width, float *out) {
    move_row(x + other_row(rows, width), width, false, out + own_row(width));
}

extern "C" __global__ void gather_bf16(const bf16 *x, const u32 *rows, u32 width, float *out) {
    move_row(x + other_row(rows, width), width, false, out + own_row(width));
}

// out[rows[i]] = x[i]; rows are distinct.
extern "C" __global__ void scatter(const float *x, const u32 *rows, u32 width, float *out) {
    move_row(x + own_row(width), width, false, out + other_row(rows, width));
}

// out[rows[i]] += x[i]; rows are distinct.
extern "C" __global__ void scatter_add(const float *x, const u32 *rows, u32 width, float *out) {
    move_row(x + own_row(width), width, true, out + other_row(rows, width));
}
