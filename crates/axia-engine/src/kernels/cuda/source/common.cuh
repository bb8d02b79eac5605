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

// Two numbers as bf16 in one word, the first in its lower half.
__device__ inline u32 pack(float first, float second) {
#ifdef AXIA_HOST_SHIM
    return static_cast<u32>(narrow(first)) | static_cast<u32>(narrow(second)) << 16;
#else
    u32 both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
    return both;
#endif
}

// Four neighbouring numbers, which go to and from memory at once.
struct alignas(16) Four {
    float of[4];
};

// The same as bf16.
struct alignas(8) FourBf16 {
    u32 of[2];
};

__device__ inline Four *fours(float *x) { return reinterpret_cast<Four *>(x); }
__device__ inline const Four *fours(const float *x) { return reinterpret_cast<const Four *>(x); }
__device__ inline FourBf16 *bf16_fours(bf16 *x) { return reinterpret_cast<FourBf16 *>(x); }
__device__ inline const FourBf16 *fours(const bf16 *x) {
    return reinterpret_cast<const FourBf16 *>(x);
}

__device__ inline FourBf16 narrow(const Four &x) {
    return {{pack(x.of[0], x.of[1]), pack(x.of[2], x.of[3])}};
}

__device__ inline Four widen(const Four &x) { return x; }

__device__ inline Four widen(const FourBf16 &x) {
    return {{__uint_as_float(x.of[0] << 16), __uint_as_float(x.of[0] & 0xffff0000u),
             __uint_as_float(x.of[1] << 16), __uint_as_float(x.of[1] & 0xffff0000u)}};
}

// Whether numbers from `x` on can be moved four at a time.
__device__ inline bool is_aligned(const float *x) {
    return reinterpret_cast<u64>(x) % sizeof(Four) == 0;
}

__device__ inline bool is_aligned(const bf16 *x) {
    return reinterpret_cast<u64>(x) % sizeof(FourBf16) == 0;
}

// This thread's index among all of the grid's x axis, and how many there are.
__device__ inline u64 thread_of_grid() {
    return static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ inline u64 threads_of_grid() { return static_cast<u64>(gridDim.x) * blockDim.x; }

// Has the grid's x axis call `four` with the number of every group of four among `len` numbers, if
// they can be moved like that, and `one` with every number that is left.
template <typename InFours, typename One>
__device__ inline void walk(bool in_fours, u64 len, InFours four, One one) {
    u64 groups = in_fours ? len / 4 : 0;
    for (u64 i = thread_of_grid(); i < groups; i += threads_of_grid()) {
        four(i);
    }
    for (u64 i = 4 * groups + thread_of_grid(); i < len; i += threads_of_grid()) {
        one(i);
    }
}

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
