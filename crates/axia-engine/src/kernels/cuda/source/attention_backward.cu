// Forest attention, backward. With P the probabilities, recomputed from the rows' log-sums, and
// dP = dout v: dS = P (dP - sum(dout out)) (times the slope of soft-capping),
// dq = scale dS k, dk = scale dS q, dv = P dout. No atomics: sums have a fixed order.

// delta[row] = dout[row] . out[row] for rows of (queries, heads): one warp per row. Where products
// round dout to bf16, this must too: where one key has all the weight, both cancel.
extern "C" __global__ void attention_delta(const float *dout, const float *out, u32 head_dim,
                                           u64 rows, u32 rounds, float *delta) {
    u64 row = static_cast<u64>(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
    if (row < rows) {
        float sum = 0.0f;
        for (u32 d = threadIdx.x % 32; d < head_dim; d += 32) {
            float gradient = dout[row * head_dim + d];
            sum += (rounds ? widen(narrow(gradient)) : gradient) * out[row * head_dim + d];
        }
        sum = warp_sum(sum);
        if (threadIdx.x % 32 == 0) {
            delta[row] = sum;
        }
    }
}

// Gradients of the queries: blocks as in the forward pass.
template <int DIM, int ROWS>
__device__ void query_gradients(const float *q, const float *k, const float *v, const float *dout,
                                const float *log_sums, const float *delta, const Tile *tiles,
                                const u32 *runs, const u32 *seen, const Layer &layer, float *dq) {
    constexpr int PER = ROWS / 16;
    SHARED_FLOATS(memory);
    float *queries = memory, *gradients = queries + ROWS * (DIM + 4);
    float *keys = gradients + ROWS * (DIM + 4), *weights = keys + KEYS * (DIM + 4);
    u32 *found = reinterpret_cast<u32 *>(weights + ROWS * WEIGHTS_STRIDE);
    Rows rows = rows_of(tiles[blockIdx.x], layer, blockIdx.y, blockIdx.z * ROWS, ROWS);
    if (rows.count == 0) {
        return;
    }
    u32 x = threadIdx.x % 8, y = threadIdx.x / 8;
    load_rows<DIM, ROWS>(q, rows, layer, layer.scale, queries);
    load_rows<DIM, ROWS>(dout, rows, layer, 1.0f, gradients);
    float4 sums[PER][DIM / 32];
    float log_sum[PER], pull[PER];
    uint2 range[PER];
#pragma unroll
    for (int i = 0; i < PER; i++) {
        u32 row = y + 16 * i;
        range[i] = seen_by(rows, seen, row);
        log_sum[i] = row < rows.count ? log_sums[head_of(rows, layer, row)] : 0.0f;
        pull[i] = row < rows.count ? delta[head_of(rows, layer, row)] : 0.0f;
#pragma unroll
        for (int c = 0; c < DIM / 32; c++) {
            sums[i][c] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
    }
    u32 first = seen_by(rows, seen, 0).x, end = seen_by(rows, seen, rows.count - 1).y;
    for (u32 from = first; from < end; from += KEYS) {
        find_keys(rows.tile, runs, from, found);
        __syncthreads();
        load_keys<DIM>(k, found, rows.kv_head, layer, keys);
        __syncthreads();
        float scores[PER][4], dots[PER][4];
        dot_products<DIM, PER>(queries, keys, scores);
        __syncthreads();
        load_keys<DIM>(v, found, rows.kv_head, layer, keys);
        __syncthreads();
        dot_products<DIM, PER>(gradients, keys, dots);
#pragma unroll
        for (int i = 0; i < PER; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                u32 position = from + x + 8 * j;
                bool sees = position >= range[i].x && position < range[i].y;
                float capped = soft_cap(scores[i][j], layer.cap);
                float weight = sees ? expf(capped - log_sum[i]) : 0.0f;
                weights[(y + 16 * i) * WEIGHTS_STRIDE + x + 8 * j] =
                    weight * (dots[i][j] - pull[i]) * soft_cap_slope(capped, layer.cap);
            }
        }
        __syncthreads();
        load_keys<DIM>(k, found, rows.kv_head, layer, keys);
        __syncthreads();
        add_weighted_keys<DIM, PER>(weights, keys, sums);
    }
#pragma unroll
    for (int i = 0; i < PER; i++) {
        u32 row = y + 16 * i;
        if (row < rows.count) {
#pragma unroll
            for (int c = 0; c < DIM / 32; c++) {
                store4(sums[i][c], layer.scale, 32 * c + 4 * x, layer.head_dim,
                       dq + head_of(rows, layer, row) * layer.head_dim);
            }
        }
    }
}

// sums[i] += sum over rows of weights[row][key y + 16 i] * rows[row], this thread's numbers of it.
template <int DIM, int ROWS>
__device__ void add_weighted_rows(const float *weights, const float *rows,
                                  float4 (&sums)[2][DIM / 32]) {
    u32 x = threadIdx.x % 8, y = threadIdx.x / 8;
#pragma unroll 2
    for (int row = 0; row < ROWS; row++) {
        float first = weights[row * WEIGHTS_STRIDE + y];
        float second = weights[row * WEIGHTS_STRIDE + y + 16];
#pragma unroll
        for (int c = 0; c < DIM / 32; c++) {
            float4 value = four(rows + row * (DIM + 4) + 32 * c + 4 * x);
            add4(first, value, &sums[0][c]);
            add4(second, value, &sums[1][c]);
        }
    }
}

// Gradients of keys and values: block (i, h) has item i, head h.
template <int DIM, int ROWS>
__device__ void key_gradients(const float *q, const float *k, const float *v, const float *dout,
                              const float *log_sums, const float *delta, const Tile *tiles,
                              const u32 *seen, const Item *items, const Entry *entries,
                              u32 key_count, const Layer &layer, float *partial, float *dk,
                              float *dv) {
    constexpr int PER = ROWS / 16;
    SHARED_FLOATS(memory);
    float *keys = memory, *values = keys + KEYS * (DIM + 4);
    float *queries = values + KEYS * (DIM + 4), *weights = queries + ROWS * (DIM + 4);
    float *dscores = weights + ROWS * WEIGHTS_STRIDE;
    u32 *found = reinterpret_cast<u32 *>(dscores + ROWS * WEIGHTS_STRIDE);
    Item item = items[blockIdx.x];
    u32 kv_head = blockIdx.y, first_key = item.key_block * KEYS;
    u32 x = threadIdx.x % 8, y = threadIdx.x / 8;
    if (threadIdx.x < KEYS) {
        u32 key = first_key + threadIdx.x;
        found[threadIdx.x] = key < key_count ? key : NO_KEY;
    }
    __syncthreads();
    load_keys<DIM>(k, found, kv_head, layer, keys);
    load_keys<DIM>(v, found, kv_head, layer, values);
    float4 key_sums[2][DIM / 32], value_sums[2][DIM / 32];
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int c = 0; c < DIM / 32; c++) {
            key_sums[i][c] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
            value_sums[i][c] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
    }
    for (u32 e = item.first_entry; e < item.end_entry; e++) {
        Entry entry = entries[e];
        for (u32 first_row = 0;; first_row += ROWS) {
            Rows rows = rows_of(tiles[entry.tile], layer, kv_head, first_row, ROWS);
            if (rows.count == 0) {
                break;
            }
            __syncthreads();
            load_rows<DIM, ROWS>(q, rows, layer, layer.scale, queries);
            __syncthreads();
            float scores[PER][4], dots[PER][4];
            dot_products<DIM, PER>(queries, keys, scores);
            __syncthreads();
            load_rows<DIM, ROWS>(dout, rows, layer, 1.0f, queries);
            __syncthreads();
            dot_products<DIM, PER>(queries, values, dots);
#pragma unroll
            for (int i = 0; i < PER; i++) {
                u32 row = y + 16 * i;
                bool is_there = row < rows.count;
                uint2 range = seen_by(rows, seen, row);
                float log_sum = is_there ? log_sums[head_of(rows, layer, row)] : 0.0f;
                float pull = is_there ? delta[head_of(rows, layer, row)] : 0.0f;
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    u32 key = first_key + x + 8 * j, position = key + entry.shift;
                    bool sees = key >= entry.key_from && key < entry.key_to &&
                                position >= range.x && position < range.y;
                    float capped = soft_cap(scores[i][j], layer.cap);
                    float weight = sees ? expf(capped - log_sum) : 0.0f;
                    u32 at = row * WEIGHTS_STRIDE + x + 8 * j;
                    weights[at] = weight;
                    dscores[at] =
                        weight * (dots[i][j] - pull) * soft_cap_slope(capped, layer.cap);
                }
            }
            __syncthreads();
            add_weighted_rows<DIM, ROWS>(weights, queries, value_sums);
            __syncthreads();
            load_rows<DIM, ROWS>(q, rows, layer, layer.scale, queries);
            __syncthreads();
            add_weighted_rows<DIM, ROWS>(dscores, queries, key_sums);
        }
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
        u32 row = y + 16 * i, key = first_key + row;
        KeyGradients to = gradients_of_key(item, kv_head, row, layer, partial, dk, dv);
        if (key < key_count) {
#pragma unroll
            for (int c = 0; c < DIM / 32; c++) {
                u32 d = 32 * c + 4 * x;
                store4(key_sums[i][c], 1.0f, d, layer.head_dim, to.key);
                store4(value_sums[i][c], 1.0f, d, layer.head_dim, to.value);
            }
        }
    }
}

// The slots that hold parts of one block of keys' gradients.
struct Slots {
    u32 key_block, first, end;
};

// Adds up partial gradients: block (i, h) has slots[i], head h.
extern "C" __global__ void attention_combine(const Slots *slots, const float *partial,
                                             u32 key_count, u32 kv_heads, u32 head_dim, float *dk,
                                             float *dv) {
    Slots here = slots[blockIdx.x];
    u32 kv_head = blockIdx.y;
    for (u32 i = threadIdx.x; i < 2 * KEYS * head_dim; i += blockDim.x) {
        u32 row = i / head_dim % KEYS, key = here.key_block * KEYS + row;
        if (key < key_count) {
            float sum = 0.0f;
            for (u32 slot = here.first; slot < here.end; slot++) {
                u64 head = static_cast<u64>(slot) * kv_heads + kv_head;
                sum += partial[head * 2 * KEYS * head_dim + i];
            }
            u64 at = (static_cast<u64>(key) * kv_heads + kv_head) * head_dim + i % head_dim;
            (i < KEYS * head_dim ? dk : dv)[at] = sum;
        }
    }
}

#define ATTENTION_BACKWARD(DIM, ROWS)                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS) query_gradients_##DIM##_##ROWS(          \
        const float *q, const float *k, const float *v, const float *dout, const float *log_sums,  \
        const float *delta, const Tile *tiles, const u32 *runs, const u32 *seen, u32 heads,        \
        u32 kv_heads, u32 head_dim, float scale, float cap, float *dq) {                           \
        Layer layer = {heads, kv_heads, head_dim, scale, cap};                                     \
        query_gradients<DIM, ROWS>(q, k, v, dout, log_sums, delta, tiles, runs, seen, layer, dq);  \
    }                                                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS) key_gradients_##DIM##_##ROWS(            \
        const float *q, const float *k, const float *v, const float *dout, const float *log_sums,  \
        const float *delta, const Tile *tiles, const u32 *seen, const Item *items,                 \
        const Entry *entries, u32 key_count, u32 heads, u32 kv_heads, u32 head_dim, float scale,   \
        float cap, float *partial, float *dk, float *dv) {                                         \
        Layer layer = {heads, kv_heads, head_dim, scale, cap};                                     \
        key_gradients<DIM, ROWS>(q, k, v, dout, log_sums, delta, tiles, seen, items, entries,      \
                                 key_count, layer, partial, dk, dv);                               \
    }

ATTENTION_BACKWARD(64, 32)
ATTENTION_BACKWARD(128, 32)
ATTENTION_BACKWARD(256, 16)
