// One AdamW step (Loshchilov & Hutter 2019) on many tensors: blocks (., y) walk through tensor y.
// The factors come from the host, where 1 - beta and the like are computed in double precision.

struct Tensor {
    u64 parameters, gradients, first, second, len;
};

extern "C" __global__ void adamw(const Tensor *tensors, float keep, float step, float root,
                                 float beta1, float new1, float beta2, float new2, float eps) {
    Tensor tensor = tensors[blockIdx.y];
    float *w = reinterpret_cast<float *>(tensor.parameters);
    const float *g = reinterpret_cast<const float *>(tensor.gradients);
    float *m = reinterpret_cast<float *>(tensor.first);
    float *v = reinterpret_cast<float *>(tensor.second);
    auto one = [=](float gradient, float *value, float *first, float *second) {
        *first = beta1 * *first + new1 * gradient;
        *second = beta2 * *second + new2 * gradient * gradient;
        *value = *value * keep - step * *first / (sqrtf(*second) * root + eps);
    };
    walk(
        is_aligned(w) && is_aligned(g) && is_aligned(m) && is_aligned(v), tensor.len,
        [=](u64 i) {
            Four gradient = fours(g)[i], value = fours(w)[i];
            Four first = fours(m)[i], second = fours(v)[i];
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                one(gradient.of[e], value.of + e, first.of + e, second.of + e);
            }
            fours(m)[i] = first;
            fours(v)[i] = second;
            fours(w)[i] = value;
        },
        [=](u64 i) { one(g[i], w + i, m + i, v + i); });
}
