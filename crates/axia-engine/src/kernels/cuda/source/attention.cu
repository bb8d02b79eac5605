// Forest attention, forward: softmax(cap(scale * q k)) v with an online softmax (Milakov &
// Gimelshein 2018; Dao et al. 2022). Block (t, h, z) has rows from z * ROWS on of tile t, head h.

template <int DIM, int ROWS>
__device__ void attention_tile(const float *q, const float *k, const float *v, const Tile *tiles,
                               const u32 *runs, const u32 *seen, const Layer &layer, float *out,
                               float *log_sums) {
    constexpr int PER = ROWS / 16;
    SHARED_FLOATS(memory);
    float *queries = memory, *keys = queries + ROWS * (DIM + 4);
    float *weights = keys + KEYS * (DIM + 4);
    u32 *found = reinterpret_cast<u32 *>(weights + ROWS * WEIGHTS_STRIDE);
    Rows rows = rows_of(tiles[blockIdx.x], layer, blockIdx.y, blockIdx.z * ROWS, ROWS);
    if (rows.count == 0) {
        return;
    }
    u32 x = threadIdx.x % 8, y = threadIdx.x / 8;
    load_rows<DIM, ROWS>(q, rows, layer, layer.scale, queries);
    float4 sums[PER][DIM / 32];
    float largest[PER], total[PER];
    uint2 range[PER];
#pragma unroll
    for (int i = 0; i < PER; i++) {
        largest[i] = MINUS_INFINITY;
        total[i] = 0.0f;
        range[i] = seen_by(rows, seen, y + 16 * i);
#pragma unroll
        for (int c = 0; c < DIM / 32; c++) {
            sums[i][c] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
    }
    // Both ends of what queries see ascend.
    u32 first = seen_by(rows, seen, 0).x, end = seen_by(rows, seen, rows.count - 1).y;
    for (u32 from = first; from < end; from += KEYS) {
        find_keys(rows.tile, runs, from, found);
        __syncthreads();
        load_keys<DIM>(k, found, rows.kv_head, layer, keys);
        __syncthreads();
        float scores[PER][4];
        dot_products<DIM, PER>(queries, keys, scores);
#pragma unroll
        for (int i = 0; i < PER; i++) {
            float top = MINUS_INFINITY;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                u32 position = from + x + 8 * j;
                bool sees = position >= range[i].x && position < range[i].y;
                scores[i][j] = sees ? soft_cap(scores[i][j], layer.cap) : MINUS_INFINITY;
                top = fmaxf(top, scores[i][j]);
            }
            // The eight threads of a row are neighbours in one warp.
            for (int lanes = 4; lanes > 0; lanes /= 2) {
                top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, lanes));
            }
            top = fmaxf(top, largest[i]);
            bool any = top != MINUS_INFINITY;
            float fade = any ? expf(largest[i] - top) : 1.0f, sum = 0.0f;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                float weight = any ? expf(scores[i][j] - top) : 0.0f;
                weights[(y + 16 * i) * WEIGHTS_STRIDE + x + 8 * j] = weight;
                sum += weight;
            }
            for (int lanes = 4; lanes > 0; lanes /= 2) {
                sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
            }
            largest[i] = top;
            total[i] = total[i] * fade + sum;
#pragma unroll
            for (int c = 0; c < DIM / 32; c++) {
                sums[i][c].x *= fade;
                sums[i][c].y *= fade;
                sums[i][c].z *= fade;
                sums[i][c].w *= fade;
            }
        }
        __syncthreads();
        load_keys<DIM>(v, found, rows.kv_head, layer, keys);
        __syncthreads();
        add_weighted_keys<DIM, PER>(weights, keys, sums);
    }
#pragma unroll
    for (int i = 0; i < PER; i++) {
        u32 row = y + 16 * i;
        if (row < rows.count) {
            u64 head = head_of(rows, layer, row);
#pragma unroll
            for (int c = 0; c < DIM / 32; c++) {
                store4(sums[i][c], 1.0f / total[i], 32 * c + 4 * x, layer.head_dim,
                       out + head * layer.head_dim);
            }
            if (log_sums && x == 0) {
                log_sums[head] = largest[i] + logf(total[i]);
            }
        }
    }
}

#define ATTENTION(DIM, ROWS)                                                                       \
    extern "C" __global__ void __launch_bounds__(THREADS) attention_##DIM##_##ROWS(                \
        const float *q, const float *k, const float *v, const Tile *tiles, const u32 *runs,        \
        const u32 *seen, u32 heads, u32 kv_heads, u32 head_dim, float scale, float cap,            \
        float *out, float *log_sums) {                                                             \
        Layer layer = {heads, kv_heads, head_dim, scale, cap};                                     \
        attention_tile<DIM, ROWS>(q, k, v, tiles, runs, seen, layer, out, log_sums);               \
    }

ATTENTION(64, 16)
ATTENTION(64, 32)
ATTENTION(64, 64)
ATTENTION(128, 16)
ATTENTION(128, 32)
ATTENTION(128, 64)
ATTENTION(256, 16)
ATTENTION(256, 32)
