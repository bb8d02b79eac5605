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
    for (u64 i = thread_of_grid(); i < tensor.len; i += threads_of_grid()) {
        float first = beta1 * m[i] + new1 * g[i];
        float second = beta2 * v[i] + new2 * g[i] * g[i];
        m[i] = first;
        v[i] = second;
        w[i] = w[i] * keep - step * first / (sqrtf(second) * root + eps);
    }
}
