// Rotary position embedding (Su et al. 2021) in the half-split layout, in place: one block per
// position. `sign` is -1 for the way back. Of every head the leading 2 * half numbers are turned.

extern "C" __global__ void rope(float *x, const u32 *positions, const float *cosines,
                                const float *sines, u32 width, u32 pairs, u32 head_dim,
                                u32 half, float sign) {
    float *row = x + static_cast<u64>(blockIdx.x) * width;
    u64 angles = static_cast<u64>(positions[blockIdx.x]) * half;
    for (u32 pair = threadIdx.x; pair < pairs; pair += blockDim.x) {
        u32 head = pair / half, i = pair % half;
        float *first = row + static_cast<u64>(head) * head_dim + i;
        float *second = first + half;
        float a = *first, b = *second;
        float c = cosines[angles + i], s = sign * sines[angles + i];
        *first = a * c - b * s;
        *second = b * c + a * s;
    }
}
