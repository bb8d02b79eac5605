// Log-probabilities of chosen tokens from rows of logits, and the gradient of their weighted sum:
// one block per row. `starts` (rows + 1) says which targets belong to which row.

extern "C" __global__ void loss_rows(float *logits, u32 vocab, float cap, const u32 *starts,
                                     const u32 *tokens, const float *weights, u32 with_gradient,
                                     float *found) {
    float *row = logits + static_cast<u64>(blockIdx.x) * vocab;
    u32 from = starts[blockIdx.x], to = starts[blockIdx.x + 1];
    // Largest logit and sum of exponentials of this thread's share, in one pass.
    float largest = MINUS_INFINITY, sum = 0.0f;
    for (u32 i = threadIdx.x; i < vocab; i += blockDim.x) {
        float x = soft_cap(row[i], cap);
        if (x > largest) {
            sum = sum * expf(largest - x) + 1.0f;
            largest = x;
        } else {
            // Where a thread has seen only minus infinity this gives NaN, as it should.
            sum += expf(x - largest);
        }
    }
    float top = block_max(largest);
    float share = largest == MINUS_INFINITY && sum == 0.0f ? 0.0f : sum * expf(largest - top);
    float log_sum = top + logf(block_sum(share));
    for (u32 t = from + threadIdx.x; t < to; t += blockDim.x) {
        found[t] = soft_cap(row[tokens[t]], cap) - log_sum;
    }
    if (!with_gradient) {
        return;
    }
    __syncthreads();
    float weight = 0.0f;
    for (u32 t = from; t < to; t++) {
        weight += weights[t];
    }
    for (u32 i = threadIdx.x; i < vocab; i += blockDim.x) {
        float x = soft_cap(row[i], cap);
        row[i] = weight * expf(x - log_sum) * soft_cap_slope(x, cap);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        for (u32 t = from; t < to; t++) {
            row[tokens[t]] -= weights[t] * soft_cap_slope(found[t] + log_sum, cap);
        }
    }
}
