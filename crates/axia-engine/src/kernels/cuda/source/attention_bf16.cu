// Forest attention on tensor cores, forward: as attention.cu, with factors in bf16. A warp has 16
// of a block's rows.

template <int DIM, int ROWS>
__device__ void attention_tile_bf16(const float *q, const float *k, const float *v,
                                    const Tile *tiles, const u32 *runs, const u32 *seen,
                                    const Layer &layer, float *out, float *log_sums) {
    SHARED_FLOATS(memory);
    bf16 *queries = reinterpret_cast<bf16 *>(memory), *keys = queries + ROWS * (DIM + PAD);
    bf16 *values = keys + KEYS * (DIM + PAD);
    u32 *found = reinterpret_cast<u32 *>(values + KEYS * (DIM + PAD));
    Rows rows = rows_of(tiles[blockIdx.x], layer, blockIdx.y, blockIdx.z * ROWS, ROWS);
    if (rows.count == 0) {
        return;
    }
    u32 warp_row = threadIdx.x / 32 * 16, own_row = warp_row + threadIdx.x % 32 / 4;
    load_tile<ROWS, DIM, ROWS / 16>(QueryRows{q, rows, layer}, layer.head_dim, queries);
    float sums[DIM / 8][4], largest[2], total[2];
    uint2 range[2];
    set_zero(sums);
#pragma unroll
    for (u32 half = 0; half < 2; half++) {
        largest[half] = MINUS_INFINITY;
        total[half] = 0.0f;
        range[half] = seen_by(rows, seen, own_row + 8 * half);
    }
    u32 first = seen_by(rows, seen, 0).x, end = seen_by(rows, seen, rows.count - 1).y;
    for (u32 from = first; from < end; from += KEYS) {
        find_keys(rows.tile, runs, from, found);
        __syncthreads();
        load_tile<KEYS, DIM, ROWS / 16>(KeyRows{k, found, rows.kv_head, layer}, layer.head_dim, keys);
        load_tile<KEYS, DIM, ROWS / 16>(KeyRows{v, found, rows.kv_head, layer}, layer.head_dim, values);
        __syncthreads();
        float scores[KEYS / 8][4];
        multiply_tiles<DIM>(queries + warp_row * (DIM + PAD), keys, scores);
#pragma unroll
        for (u32 half = 0; half < 2; half++) {
            float top = MINUS_INFINITY;
#pragma unroll
            for (u32 i = 0; i < KEYS / 4; i++) {
                u32 position = from + 8 * (i / 2) + 2 * (threadIdx.x % 4) + i % 2;
                bool sees = position >= range[half].x && position < range[half].y;
                float &score = scores[i / 2][2 * half + i % 2];
                score = sees ? soft_cap(score * layer.scale, layer.cap) : MINUS_INFINITY;
                top = fmaxf(top, score);
            }
            // The four threads of a row are neighbours.
            for (int lanes = 2; lanes > 0; lanes /= 2) {
                top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, lanes));
            }
            top = fmaxf(top, largest[half]);
            bool any = top != MINUS_INFINITY;
            float fade = any ? expf(largest[half] - top) : 1.0f, sum = 0.0f;
#pragma unroll
            for (u32 i = 0; i < KEYS / 4; i++) {
                float &score = scores[i / 2][2 * half + i % 2];
                score = any ? expf(score - top) : 0.0f;
                sum += score;
            }
            for (int lanes = 2; lanes > 0; lanes /= 2) {
                sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
            }
            largest[half] = top;
            total[half] = total[half] * fade + sum;
#pragma unroll
            for (int j = 0; j < DIM / 8; j++) {
                sums[j][2 * half] *= fade;
                sums[j][2 * half + 1] *= fade;
            }
        }
        u32 weights[KEYS / 16][4];
        as_factor<KEYS>(scores, weights);
        add_products<KEYS, DIM>(weights, values, sums);
    }
#pragma unroll
    for (u32 half = 0; half < 2; half++) {
        u32 row = own_row + 8 * half;
        if (row < rows.count) {
            u64 head = head_of(rows, layer, row);
            store_row(sums, half, 1.0f / total[half], 0, layer.head_dim,
                      out + head * layer.head_dim);
            if (log_sums && threadIdx.x % 4 == 0) {
                log_sums[head] = largest[half] + logf(total[half]);
            }
        }
    }
}

#define ATTENTION_BF16(DIM, ROWS)                                                                  \
    extern "C" __global__ void __launch_bounds__(2 * ROWS) attention_bf16_##DIM(                   \
        const float *q, const float *k, const float *v, const Tile *tiles, const u32 *runs,        \
        const u32 *seen, u32 heads, u32 kv_heads, u32 head_dim, float scale, float cap,            \
        float *out, float *log_sums) {                                                             \
        Layer layer = {heads, kv_heads, head_dim, scale, cap};                                     \
        attention_tile_bf16<DIM, ROWS>(q, k, v, tiles, runs, seen, layer, out, log_sums);          \
    }

ATTENTION_BF16(64, 64)
ATTENTION_BF16(128, 64)
ATTENTION_BF16(256, 32)
