// Moves of whole rows: one block per row.

template <typename T>
__device__ void take_row(const T *table, const u32 *rows, u32 width, float *out) {
    const T *from = table + static_cast<u64>(rows[blockIdx.x]) * width;
    float *to = out + static_cast<u64>(blockIdx.x) * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        to[i] = widen(from[i]);
    }
}

// out[i] = x[rows[i]]
extern "C" __global__ void gather(const float *x, const u32 *rows, u32 width, float *out) {
    take_row(x, rows, width, out);
}

extern "C" __global__ void gather_bf16(const bf16 *x, const u32 *rows, u32 width, float *out) {
    take_row(x, rows, width, out);
}

// out[rows[i]] = x[i]; rows are distinct.
extern "C" __global__ void scatter(const float *x, const u32 *rows, u32 width, float *out) {
    const float *from = x + static_cast<u64>(blockIdx.x) * width;
    float *to = out + static_cast<u64>(rows[blockIdx.x]) * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        to[i] = from[i];
    }
}

// out[rows[i]] += x[i]; rows are distinct.
extern "C" __global__ void scatter_add(const float *x, const u32 *rows, u32 width, float *out) {
    const float *from = x + static_cast<u64>(blockIdx.x) * width;
    float *to = out + static_cast<u64>(rows[blockIdx.x]) * width;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        to[i] += from[i];
    }
}
