// RMS norm (Zhang & Sennrich 2019) and its backward pass: one block per row.

__device__ inline float inverse_rms(const float *x, u32 width, float eps) {
    float sum = 0.0f;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        sum += x[i] * x[i];
    }
    return 1.0f / sqrtf(block_sum(sum) / static_cast<float>(width) + eps);
}

// y = x * w / rms(x)
extern "C" __global__ void rms_norm(const float *x, const float *weight, u32 width, float eps,
                                    float *y) {
    u64 at = static_cast<u64>(blockIdx.x) * width;
    float scale = inverse_rms(x + at, width, eps);
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        y[at + i] = x[at + i] * scale * weight[i];
    }
}

// With s = 1 / rms(x) and g = dy * w: dx = s g - x s^3 / width * sum(g x), added to dx if `adds`.
extern "C" __global__ void rms_norm_backward(const float *dy, const float *x, const float *weight,
                                             u32 width, float eps, u32 adds, float *dx) {
    u64 at = static_cast<u64>(blockIdx.x) * width;
    float scale = inverse_rms(x + at, width, eps);
    float sum = 0.0f;
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        sum += dy[at + i] * weight[i] * x[at + i];
    }
    float pull = block_sum(sum) * scale * scale * scale / static_cast<float>(width);
    for (u32 i = threadIdx.x; i < width; i += blockDim.x) {
        float gradient = dy[at + i] * weight[i] * scale - x[at + i] * pull;
        dx[at + i] = adds ? dx[at + i] + gradient : gradient;
    }
}
