// What all kernels share. This text is put before every source file.

#ifndef AXIA_COMMON
#define AXIA_COMMON

#ifdef AXIA_HOST_SHIM
#include "shim.h"
#else
// The block's dynamic shared memory as floats, aligned for float4.
#define SHARED_FLOATS(name)                     \
    extern __shared__ float4 shared_memory[];   \
    float *name = reinterpret_cast<float *>(shared_memory)
#endif

typedef unsigned short bf16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define MINUS_INFINITY __int_as_float(0xff800000)

__device__ inline float widen(float x) { return x; }

__device__ inline float widen(bf16 x) { return __uint_as_float(static_cast<u32>(x) << 16); }

// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
__device__ inline bf16 narrow(float x) {
    u32 bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return static_cast<bf16>((bits >> 16) | 0x40u);
    }
    return static_cast<bf16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// This thread's index among all of the grid's x axis, and how many there are.
__device__ inline u64 thread_of_grid() {
    return static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ inline u64 threads_of_grid() { return static_cast<u64>(gridDim.x) * blockDim.x; }

__device__ inline float warp_sum(float x) {
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        x += __shfl_xor_sync(0xffffffffu, x, lanes);
    }
    return x;
}

__device__ inline float warp_max(float x) {
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, lanes));
    }
    return x;
}

// Sums over the block, in a fixed order; every thread gets the sum. Blocks are whole warps.
__device__ inline float block_sum(float x) {
    __shared__ float parts[32];
    u32 lane = threadIdx.x % 32, warps = blockDim.x / 32;
    x = warp_sum(x);
    __syncthreads();
    if (lane == 0) {
        parts[threadIdx.x / 32] = x;
    }
    __syncthreads();
    return warp_sum(lane < warps ? parts[lane] : 0.0f);
}

__device__ inline float block_max(float x) {
    __shared__ float parts[32];
    u32 lane = threadIdx.x % 32, warps = blockDim.x / 32;
    x = warp_max(x);
    __syncthreads();
    if (lane == 0) {
        parts[threadIdx.x / 32] = x;
    }
    __syncthreads();
    return warp_max(lane < warps ? parts[lane] : MINUS_INFINITY);
}

// `cap * tanh(x / cap)`; a cap of zero leaves x as it is.
__device__ inline float soft_cap(float x, float cap) {
    return cap == 0.0f ? x : cap * tanhf(x / cap);
}

// The derivative of soft_cap where it gave `capped`.
__device__ inline float soft_cap_slope(float capped, float cap) {
    return cap == 0.0f ? 1.0f : 1.0f - (capped / cap) * (capped / cap);
}

#endif
