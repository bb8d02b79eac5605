// RMS norm (Zhang & Sennrich 2019) and its backward pass: one block per row.

// Has the block call `four` with the number of every group of four among `width` numbers, if they can
// be moved like that, or else `one` with every number.
template <typename InFours, typename One>
__device__ inline void walk_row(bool in_fours, u32 width, InFours four, One one) {
    for (u32 i = threadIdx.x; in_fours && i < width / 4; i += blockDim.x) {
        four(i);
    }
    for (u32 i = threadIdx.x; !in_fours && i < width; i += blockDim.x) {
        one(i);
    }
}

__device__ inline float inverse_rms(bool in_fours, const float *x, u32 width, float eps) {
    float sum = 0.0f;
    walk_row(
        in_fours, width,
        [&](u32 i) {
            Four part = fours(x)[i];
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                sum += part.of[e] * part.of[e];
            }
        },
        [&](u32 i) { sum += x[i] * x[i]; });
    return 1.0f / sqrtf(block_sum(sum) / static_cast<float>(width) + eps);
}

// y = x * w / rms(x)
extern "C" __global__ void rms_norm(const float *x, const float *weight, u32 width, float eps,
                                    float *y) {
    x += static_cast<u64>(blockIdx.x) * width;
    y += static_cast<u64>(blockIdx.x) * width;
    bool in_fours = width % 4 == 0 && is_aligned(x) && is_aligned(weight) && is_aligned(y);
    float scale = inverse_rms(in_fours, x, width, eps);
    walk_row(
        in_fours, width,
        [&](u32 i) {
            Four part = fours(x)[i], factor = fours(weight)[i];
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                part.of[e] = part.of[e] * scale * factor.of[e];
            }
            fours(y)[i] = part;
        },
        [&](u32 i) { y[i] = x[i] * scale * weight[i]; });
}

// With s = 1 / rms(x) and g = dy * w: dx = s g - x s^3 / width * sum(g x), added to dx if `adds`.
extern "C" __global__ void rms_norm_backward(const float *dy, const float *x, const float *weight,
                                             u32 width, float eps, u32 adds, float *dx) {
    u64 at = static_cast<u64>(blockIdx.x) * width;
    dy += at;
    x += at;
    dx += at;
    bool in_fours = width % 4 == 0 && is_aligned(dy) && is_aligned(x) && is_aligned(weight) &&
                    is_aligned(dx);
    float scale = inverse_rms(in_fours, x, width, eps);
    float sum = 0.0f;
    walk_row(
        in_fours, width,
        [&](u32 i) {
            Four given = fours(dy)[i], factor = fours(weight)[i], part = fours(x)[i];
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                sum += given.of[e] * factor.of[e] * part.of[e];
            }
        },
        [&](u32 i) { sum += dy[i] * weight[i] * x[i]; });
    float pull = block_sum(sum) * scale * scale * scale / static_cast<float>(width);
    walk_row(
        in_fours, width,
        [&](u32 i) {
            Four given = fours(dy)[i], factor = fours(weight)[i], part = fours(x)[i];
            Four found = adds ? fours(dx)[i] : Four{{0.0f, 0.0f, 0.0f, 0.0f}};
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                found.of[e] += given.of[e] * factor.of[e] * scale - part.of[e] * pull;
            }
            fours(dx)[i] = found;
        },
        [&](u32 i) {
            float gradient = dy[i] * weight[i] * scale - x[i] * pull;
            dx[i] = adds ? dx[i] + gradient : gradient;
        });
}
