// Forest attention on tensor cores, backward: as attention_backward.cu, with factors in bf16.

// Gradients of the queries: blocks as in the forward pass.
template <int DIM, int ROWS>
__device__ void query_gradients_bf16(const float *q, const float *k, const float *v,
                                     const float *dout, const float *log_sums, const float *delta,
                                     const Tile *tiles, const u32 *runs, const u32 *seen,
                                     const Layer &layer, float *dq) {
    SHARED_FLOATS(memory);
    bf16 *queries = reinterpret_cast<bf16 *>(memory), *gradients = queries + ROWS * (DIM + PAD);
    bf16 *keys = gradients + ROWS * (DIM + PAD), *values = keys + KEYS * (DIM + PAD);
    u32 *found = reinterpret_cast<u32 *>(values + KEYS * (DIM + PAD));
    Rows rows = rows_of(tiles[blockIdx.x], layer, blockIdx.y, blockIdx.z * ROWS, ROWS);
    if (rows.count == 0) {
        return;
    }
    u32 warp_row = threadIdx.x / 32 * 16, own_row = warp_row + threadIdx.x % 32 / 4;
    load_tile<ROWS, DIM, ROWS / 16>(QueryRows{q, rows, layer}, layer.head_dim, queries);
    load_tile<ROWS, DIM, ROWS / 16>(QueryRows{dout, rows, layer}, layer.head_dim, gradients);
    float sums[DIM / 8][4], log_sum[2], pull[2];
    uint2 range[2];
    set_zero(sums);
#pragma unroll
    for (u32 half = 0; half < 2; half++) {
        u32 row = own_row + 8 * half;
        range[half] = seen_by(rows, seen, row);
        log_sum[half] = row < rows.count ? log_sums[head_of(rows, layer, row)] : 0.0f;
        pull[half] = row < rows.count ? delta[head_of(rows, layer, row)] : 0.0f;
    }
    u32 first = seen_by(rows, seen, 0).x, end = seen_by(rows, seen, rows.count - 1).y;
    for (u32 from = first; from < end; from += KEYS) {
        find_keys(rows.tile, runs, from, found);
        __syncthreads();
        load_tile<KEYS, DIM, ROWS / 16>(KeyRows{k, found, rows.kv_head, layer}, layer.head_dim, keys);
        load_tile<KEYS, DIM, ROWS / 16>(KeyRows{v, found, rows.kv_head, layer}, layer.head_dim, values);
        __syncthreads();
        float scores[KEYS / 8][4], dots[KEYS / 8][4];
        multiply_tiles<DIM>(queries + warp_row * (DIM + PAD), keys, scores);
        multiply_tiles<DIM>(gradients + warp_row * (DIM + PAD), values, dots);
#pragma unroll
        for (u32 i = 0; i < KEYS / 2; i++) {
            u32 half = i % 4 / 2, column = 8 * (i / 4) + 2 * (threadIdx.x % 4) + i % 2;
            bool sees = from + column >= range[half].x && from + column < range[half].y;
            float &score = scores[i / 4][i % 4];
            float capped = soft_cap(score * layer.scale, layer.cap);
            float weight = sees ? expf(capped - log_sum[half]) : 0.0f;
            score = weight * (dots[i / 4][i % 4] - pull[half]) * soft_cap_slope(capped, layer.cap);
        }
        u32 dscores[KEYS / 16][4];
        as_factor<KEYS>(scores, dscores);
        add_products<KEYS, DIM>(dscores, keys, sums);
    }
#pragma unroll
    for (u32 half = 0; half < 2; half++) {
        u32 row = own_row + 8 * half;
        if (row < rows.count) {
            store_row(sums, half, layer.scale, 0, layer.head_dim,
                      dq + head_of(rows, layer, row) * layer.head_dim);
        }
    }
}

// What keys need to know of the rows that may see them.
template <int ROWS>
struct Seers {
    uint2 range[ROWS];
    float log_sum[ROWS], pull[ROWS];
};

// Gradients of keys and values: block (i, h) has item i, head h. Products are keys by rows. A warp
// has 16 keys, and of their gradients one of PARTS stretches of DIM / PARTS numbers.
template <int DIM, int ROWS, int PARTS>
__device__ void key_gradients_bf16(const float *q, const float *k, const float *v,
                                   const float *dout, const float *log_sums, const float *delta,
                                   const Tile *tiles, const u32 *seen, const Item *items,
                                   const Entry *entries, u32 key_count, const Layer &layer,
                                   float *partial, float *dk, float *dv) {
    constexpr int N = DIM / PARTS / 8;
    SHARED_FLOATS(memory);
    bf16 *keys = reinterpret_cast<bf16 *>(memory), *values = keys + KEYS * (DIM + PAD);
    bf16 *queries = values + KEYS * (DIM + PAD), *gradients = queries + ROWS * (DIM + PAD);
    Seers<ROWS> &seers = *reinterpret_cast<Seers<ROWS> *>(gradients + ROWS * (DIM + PAD));
    u32 *found = reinterpret_cast<u32 *>(&seers + 1);
    Item item = items[blockIdx.x];
    u32 kv_head = blockIdx.y, first_key = item.key_block * KEYS;
    u32 warp_key = threadIdx.x / 32 % 2 * 16, own_key = warp_key + threadIdx.x % 32 / 4;
    u32 part = threadIdx.x / 64 * (DIM / PARTS);
    if (threadIdx.x < KEYS) {
        u32 key = first_key + threadIdx.x;
        found[threadIdx.x] = key < key_count ? key : NO_KEY;
    }
    __syncthreads();
    load_tile<KEYS, DIM, 2 * PARTS>(KeyRows{k, found, kv_head, layer}, layer.head_dim, keys);
    load_tile<KEYS, DIM, 2 * PARTS>(KeyRows{v, found, kv_head, layer}, layer.head_dim, values);
    float key_sums[N][4], value_sums[N][4];
    set_zero(key_sums);
    set_zero(value_sums);
    for (u32 e = item.first_entry; e < item.end_entry; e++) {
        Entry entry = entries[e];
        for (u32 first_row = 0;; first_row += ROWS) {
            Rows rows = rows_of(tiles[entry.tile], layer, kv_head, first_row, ROWS);
            if (rows.count == 0) {
                break;
            }
            __syncthreads();
            load_tile<ROWS, DIM, 2 * PARTS>(QueryRows{q, rows, layer}, layer.head_dim, queries);
            load_tile<ROWS, DIM, 2 * PARTS>(QueryRows{dout, rows, layer}, layer.head_dim, gradients);
            if (threadIdx.x < ROWS) {
                u32 row = threadIdx.x;
                bool is_there = row < rows.count;
                seers.range[row] = seen_by(rows, seen, row);
                seers.log_sum[row] = is_there ? log_sums[head_of(rows, layer, row)] : 0.0f;
                seers.pull[row] = is_there ? delta[head_of(rows, layer, row)] : 0.0f;
            }
            __syncthreads();
            float scores[ROWS / 8][4], dots[ROWS / 8][4];
            multiply_tiles<DIM>(keys + warp_key * (DIM + PAD), queries, scores);
            multiply_tiles<DIM>(values + warp_key * (DIM + PAD), gradients, dots);
#pragma unroll
            for (u32 i = 0; i < ROWS / 2; i++) {
                u32 row = 8 * (i / 4) + 2 * (threadIdx.x % 4) + i % 2;
                u32 key = first_key + own_key + 8 * (i % 4 / 2), position = key + entry.shift;
                uint2 range = seers.range[row];
                bool sees = key >= entry.key_from && key < entry.key_to && position >= range.x &&
                            position < range.y;
                float &score = scores[i / 4][i % 4], &dot = dots[i / 4][i % 4];
                float capped = soft_cap(score * layer.scale, layer.cap);
                float weight = sees ? expf(capped - seers.log_sum[row]) : 0.0f;
                score = weight;
                dot = weight * (dot - seers.pull[row]) * soft_cap_slope(capped, layer.cap);
            }
            u32 weights[ROWS / 16][4], dscores[ROWS / 16][4];
            as_factor<ROWS>(scores, weights);
            as_factor<ROWS>(dots, dscores);
            add_products<ROWS, DIM>(weights, gradients + part, value_sums);
            add_products<ROWS, DIM>(dscores, queries + part, key_sums);
        }
    }
#pragma unroll
    for (u32 half = 0; half < 2; half++) {
        u32 row = own_key + 8 * half, key = first_key + row;
        KeyGradients to = gradients_of_key(item, kv_head, row, layer, partial, dk, dv);
        if (key < key_count) {
            store_row(key_sums, half, layer.scale, part, layer.head_dim, to.key);
            store_row(value_sums, half, 1.0f, part, layer.head_dim, to.value);
        }
    }
}

#define ATTENTION_BACKWARD_BF16(DIM, ROWS, KEY_ROWS, PARTS)                                        \
    extern "C" __global__ void __launch_bounds__(2 * ROWS) query_gradients_bf16_##DIM(             \
        const float *q, const float *k, const float *v, const float *dout, const float *log_sums,  \
        const float *delta, const Tile *tiles, const u32 *runs, const u32 *seen, u32 heads,        \
        u32 kv_heads, u32 head_dim, float scale, float cap, float *dq) {                           \
        Layer layer = {heads, kv_heads, head_dim, scale, cap};                                     \
        query_gradients_bf16<DIM, ROWS>(q, k, v, dout, log_sums, delta, tiles, runs, seen, layer,  \
                                        dq);                                                       \
    }                                                                                              \
    extern "C" __global__ void __launch_bounds__(64 * PARTS) key_gradients_bf16_##DIM(             \
        const float *q, const float *k, const float *v, const float *dout, const float *log_sums,  \
        const float *delta, const Tile *tiles, const u32 *seen, const Item *items,                 \
        const Entry *entries, u32 key_count, u32 heads, u32 kv_heads, u32 head_dim, float scale,   \
        float cap, float *partial, float *dk, float *dv) {                                         \
        Layer layer = {heads, kv_heads, head_dim, scale, cap};                                     \
        key_gradients_bf16<DIM, KEY_ROWS, PARTS>(q, k, v, dout, log_sums, delta, tiles, seen,      \
                                                 items, entries, key_count, layer, partial, dk,    \
                                                 dv);                                              \
    }

ATTENTION_BACKWARD_BF16(64, 64, 32, 1)
ATTENTION_BACKWARD_BF16(128, 64, 32, 1)
ATTENTION_BACKWARD_BF16(256, 32, 16, 2)
