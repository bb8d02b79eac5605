// Gated activations f(gate) * up (SwiGLU and GeGLU, Shazeer 2020). Both are x * sigmoid(z(x)): for
// SiLU z = x; for the tanh form of GELU z = 2u, as (1 + tanh u) / 2 = sigmoid(2u).

__device__ inline void gate_argument(u32 gelu, float x, float *z, float *slope) {
    const float twice_root = 1.5957691216057308f, cubic = 0.044715f;
    float square = x * x;
    *z = gelu ? twice_root * x * (1.0f + cubic * square) : x;
    *slope = gelu ? twice_root * (1.0f + 3.0f * cubic * square) : 1.0f;
}

extern "C" __global__ void gated(u32 gelu, const float *gate, const float *up, float *out, u64 len) {
    for (u64 i = thread_of_grid(); i < len; i += threads_of_grid()) {
        float z, slope;
        gate_argument(gelu, gate[i], &z, &slope);
        out[i] = gate[i] / (1.0f + expf(-z)) * up[i];
    }
}

// Replaces gate and up by their gradients.
extern "C" __global__ void gated_backward(u32 gelu, const float *dout, float *gate, float *up,
                                          u64 len) {
    for (u64 i = thread_of_grid(); i < len; i += threads_of_grid()) {
        float g = gate[i], u = up[i], d = dout[i], z, slope;
        gate_argument(gelu, g, &z, &slope);
        float sigmoid = 1.0f / (1.0f + expf(-z));
        // 1 - sigmoid without cancellation.
        float rest = 1.0f / (1.0f + expf(z));
        gate[i] = d * u * sigmoid * (1.0f + g * slope * rest);
        up[i] = d * g * sigmoid;
    }
}
