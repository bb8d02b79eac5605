// Gated activations f(gate) * up (SwiGLU and GeGLU, Shazeer 2020). SiLU and the tanh form of GELU are
// x * sigmoid(z(x)): for SiLU z = x; for GELU z = 2u, as (1 + tanh u) / 2 = sigmoid(2u).

#define SILU 0
#define GELU_TANH 1
#define GELU 2
#define RELU 3

// f(x) and its derivative.
__device__ inline void gate_of(u32 kind, float x, float *value, float *slope) {
    if (kind == RELU) {
        *value = x > 0.0f ? x : 0.0f;
        *slope = x > 0.0f ? 1.0f : 0.0f;
        return;
    }
    if (kind == GELU) {
        // x times the normal distribution's share below x. erfc loses no digits in the lower tail.
        float below = 0.5f * erfcf(-x * 0.7071067811865476f);
        float density = 0.3989422804014327f * expf(-0.5f * x * x);
        *value = x * below;
        *slope = below + x * density;
        return;
    }
    const float twice_root = 1.5957691216057308f, cubic = 0.044715f;
    float square = x * x;
    float z = kind == GELU_TANH ? twice_root * x * (1.0f + cubic * square) : x;
    float rise = kind == GELU_TANH ? twice_root * (1.0f + 3.0f * cubic * square) : 1.0f;
    float sigmoid = 1.0f / (1.0f + expf(-z));
    // 1 - sigmoid without cancellation.
    float rest = 1.0f / (1.0f + expf(z));
    *value = x * sigmoid;
    *slope = sigmoid * (1.0f + x * rise * rest);
}

extern "C" __global__ void gated(u32 kind, const float *gate, const float *up, float *out, u64 len) {
    walk(
        is_aligned(gate) && is_aligned(up) && is_aligned(out), len,
        [=](u64 i) {
            Four x = fours(gate)[i], u = fours(up)[i], product;
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                float value, slope;
                gate_of(kind, x.of[e], &value, &slope);
                product.of[e] = value * u.of[e];
            }
            fours(out)[i] = product;
        },
        [=](u64 i) {
            float value, slope;
            gate_of(kind, gate[i], &value, &slope);
            out[i] = value * up[i];
        });
}

// Replaces gate and up by their gradients.
extern "C" __global__ void gated_backward(u32 kind, const float *dout, float *gate, float *up,
                                          u64 len) {
    walk(
        is_aligned(dout) && is_aligned(gate) && is_aligned(up), len,
        [=](u64 i) {
            Four x = fours(gate)[i], u = fours(up)[i], d = fours(dout)[i];
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                float value, slope;
                gate_of(kind, x.of[e], &value, &slope);
                x.of[e] = d.of[e] * u.of[e] * slope;
                u.of[e] = d.of[e] * value;
            }
            fours(gate)[i] = x;
            fours(up)[i] = u;
        },
        [=](u64 i) {
            float u = up[i], d = dout[i], value, slope;
            gate_of(kind, gate[i], &value, &slope);
            gate[i] = d * u * slope;
            up[i] = d * value;
        });
}
