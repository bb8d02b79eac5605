// Rotary position embedding (Su et al. 2021) in the half-split layout, in place: one block per
// position. `sign` is -1 for the way back. Of every head the leading 2 * half numbers are turned.

__device__ inline void turn(float *first, float *second, float c, float s) {
    float a = *first, b = *second;
    *first = a * c - b * s;
    *second = b * c + a * s;
}

extern "C" __global__ void rope(float *x, const u32 *positions, const float *cosines,
                                const float *sines, u32 width, u32 pairs, u32 head_dim,
                                u32 half, float sign) {
    float *row = x + static_cast<u64>(blockIdx.x) * width;
    u64 angles = static_cast<u64>(positions[blockIdx.x]) * half;
    cosines += angles;
    sines += angles;
    if (half % 4 == 0 && head_dim % 4 == 0 && is_aligned(row) && is_aligned(cosines) &&
        is_aligned(sines)) {
        for (u32 pair = 4 * threadIdx.x; pair < pairs; pair += 4 * blockDim.x) {
            u32 head = pair / half, i = pair % half;
            float *first = row + static_cast<u64>(head) * head_dim + i;
            Four a = *fours(first), b = *fours(first + half);
            Four c = *fours(cosines + i), s = *fours(sines + i);
#pragma unroll
            for (u32 e = 0; e < 4; e++) {
                turn(a.of + e, b.of + e, c.of[e], sign * s.of[e]);
            }
            *fours(first) = a;
            *fours(first + half) = b;
        }
        return;
    }
    for (u32 pair = threadIdx.x; pair < pairs; pair += blockDim.x) {
        u32 head = pair / half, i = pair % half;
        float *first = row + static_cast<u64>(head) * head_dim + i;
        turn(first, first + half, cosines[i], sign * sines[i]);
    }
}
