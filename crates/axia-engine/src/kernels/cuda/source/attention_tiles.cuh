// What forest attention's forward and backward kernels share. This text is put before both.
//
// A tile is a few neighbouring queries seen from one key/value head: its rows are (query, head of
// the group), query-major. The keys it looks at are listed as runs, stretches of packed keys; a
// key's *position* is its place in that list. Every query sees one stretch of positions, seen[2q]
// to seen[2q + 1]. The positions are worked through 32 at a time, so that nothing is spent on keys
// that nobody in the tile can see.
//
// In single precision 128 threads work as 16 x 8: thread (y, x) has rows y, y + 16, … of a tile; of
// 32 keys it has x, x + 8, x + 16 and x + 24; of a row's numbers 4x to 4x + 3 of every 32. Heads are
// padded with zeros to DIM. Strides keep float4 reads aligned and free of bank conflicts.

#ifndef AXIA_ATTENTION_TILES
#define AXIA_ATTENTION_TILES

#define THREADS 128
#define KEYS 32
#define WEIGHTS_STRIDE 36
#define NO_KEY 0xffffffffu

struct Tile {
    u32 first_query, queries, first_run, end_run, keys;
};

// The arrays of one attention layer.
struct Layer {
    u32 heads, kv_heads, head_dim;
    float scale, cap;
};

// 32 neighbouring keys, and part of the tiles that see some of them. What several items give for
// the same keys goes to slots of `partial`, which attention_combine adds up.
struct Item {
    u32 key_block, first_entry, end_entry, slot;
};

// A tile that sees keys key_from to key_to: key j is at its position j + shift (modulo 2^32).
struct Entry {
    u32 tile, shift, key_from, key_to;
};

#define NO_SLOT 0xffffffffu

// Where the gradients of one key and its value go.
struct KeyGradients {
    float *key, *value;
};

// Those of the item's key in `row`: dk and dv (keys, kv_heads * head_dim), or a slot of partial
// (slots, kv_heads, keys' gradients and values', KEYS, head_dim).
__device__ inline KeyGradients gradients_of_key(const Item &item, u32 kv_head, u32 row,
                                                const Layer &layer, float *partial, float *dk,
                                                float *dv) {
    u64 key = static_cast<u64>(item.key_block) * KEYS + row;
    u64 at = (key * layer.kv_heads + kv_head) * layer.head_dim;
    if (item.slot == NO_SLOT) {
        return {dk + at, dv + at};
    }
    at = (static_cast<u64>(item.slot) * layer.kv_heads + kv_head) * 2 * KEYS + row;
    return {partial + at * layer.head_dim, partial + (at + KEYS) * layer.head_dim};
}

// Where a block of threads works: ROWS rows of a tile from first_row on, for one key/value head.
struct Rows {
    Tile tile;
    u32 kv_head, group, first_row, count;
};

__device__ inline Rows rows_of(const Tile &tile, const Layer &layer, u32 kv_head, u32 first_row,
                               u32 most) {
    Rows rows;
    rows.tile = tile;
    rows.kv_head = kv_head;
    rows.group = layer.heads / layer.kv_heads;
    rows.first_row = first_row;
    u32 all = tile.queries * rows.group;
    rows.count = first_row >= all ? 0 : min(all - first_row, most);
    return rows;
}

__device__ inline u32 query_of(const Rows &rows, u32 row) {
    return rows.tile.first_query + (rows.first_row + row) / rows.group;
}

// Index of a row in arrays of one number per (query, head).
__device__ inline u64 head_of(const Rows &rows, const Layer &layer, u32 row) {
    u32 head = rows.kv_head * rows.group + (rows.first_row + row) % rows.group;
    return static_cast<u64>(query_of(rows, row)) * layer.heads + head;
}

// The stretch of positions that a row sees; nothing for rows that are not there.
__device__ inline uint2 seen_by(const Rows &rows, const u32 *seen, u32 row) {
    uint2 range;
    range.x = row < rows.count ? seen[2 * static_cast<u64>(query_of(rows, row))] : 0;
    range.y = row < rows.count ? seen[2 * static_cast<u64>(query_of(rows, row)) + 1] : 0;
    return range;
}

// Copies rows of x (queries, heads * head_dim), times factor, to `to` (ROWS, DIM + 4).
template <int DIM, int ROWS>
__device__ void load_rows(const float *x, const Rows &rows, const Layer &layer, float factor,
                          float *to) {
    for (u32 i = threadIdx.x; i < ROWS * DIM; i += THREADS) {
        u32 row = i / DIM, d = i % DIM;
        bool is_there = row < rows.count && d < layer.head_dim;
        to[row * (DIM + 4) + d] =
            is_there ? x[head_of(rows, layer, row) * layer.head_dim + d] * factor : 0.0f;
    }
}

// Finds the keys at 32 positions from `from` on. A warp's work.
__device__ inline void find_keys(const Tile &tile, const u32 *runs, u32 from, u32 *keys) {
    if (threadIdx.x < KEYS) {
        u32 position = from + threadIdx.x, key = NO_KEY;
        if (position < tile.keys) {
            u32 run = tile.first_run;
            while (run + 1 < tile.end_run && runs[2 * (run + 1) + 1] <= position) {
                run++;
            }
            key = runs[2 * run] + (position - runs[2 * run + 1]);
        }
        keys[threadIdx.x] = key;
    }
}

// Copies keys or values x (keys, kv_heads * head_dim) to `to` (32, DIM + 4).
template <int DIM>
__device__ void load_keys(const float *x, const u32 *keys, u32 kv_head, const Layer &layer,
                          float *to) {
    for (u32 i = threadIdx.x; i < KEYS * DIM; i += THREADS) {
        u32 row = i / DIM, d = i % DIM, key = keys[row];
        u64 at = (static_cast<u64>(key) * layer.kv_heads + kv_head) * layer.head_dim + d;
        to[row * (DIM + 4) + d] = key != NO_KEY && d < layer.head_dim ? x[at] : 0.0f;
    }
}

__device__ inline float4 four(const float *x) { return *reinterpret_cast<const float4 *>(x); }

__device__ inline float dot4(float4 a, float4 b, float sum) {
    return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}

__device__ inline void add4(float weight, float4 x, float4 *sum) {
    sum->x = fmaf(weight, x.x, sum->x);
    sum->y = fmaf(weight, x.y, sum->y);
    sum->z = fmaf(weight, x.z, sum->z);
    sum->w = fmaf(weight, x.w, sum->w);
}

// dots[i][j] = row (y + 16 i) . key (x + 8 j)
template <int DIM, int PER>
__device__ void dot_products(const float *rows, const float *keys, float (&dots)[PER][4]) {
    u32 x = threadIdx.x % 8, y = threadIdx.x / 8;
#pragma unroll
    for (int i = 0; i < PER; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            dots[i][j] = 0.0f;
        }
    }
#pragma unroll 4
    for (int d = 0; d < DIM; d += 4) {
        float4 b[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            b[j] = four(keys + (x + 8 * j) * (DIM + 4) + d);
        }
#pragma unroll
        for (int i = 0; i < PER; i++) {
            float4 a = four(rows + (y + 16 * i) * (DIM + 4) + d);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                dots[i][j] = dot4(a, b[j], dots[i][j]);
            }
        }
    }
}

// sums[i] += sum over keys of weights[row y + 16 i][key] * keys[key], this thread's numbers of it.
template <int DIM, int PER>
__device__ void add_weighted_keys(const float *weights, const float *keys,
                                  float4 (&sums)[PER][DIM / 32]) {
    u32 x = threadIdx.x % 8, y = threadIdx.x / 8;
#pragma unroll 2
    for (int key = 0; key < KEYS; key++) {
        float weight[PER];
#pragma unroll
        for (int i = 0; i < PER; i++) {
            weight[i] = weights[(y + 16 * i) * WEIGHTS_STRIDE + key];
        }
#pragma unroll
        for (int c = 0; c < DIM / 32; c++) {
            float4 value = four(keys + key * (DIM + 4) + 32 * c + 4 * x);
#pragma unroll
            for (int i = 0; i < PER; i++) {
                add4(weight[i], value, &sums[i][c]);
            }
        }
    }
}

// Writes four numbers of a head, as far as the head goes.
__device__ inline void store4(float4 value, float factor, u32 d, u32 head_dim, float *to) {
    float parts[4] = {value.x, value.y, value.z, value.w};
#pragma unroll
    for (u32 i = 0; i < 4; i++) {
        if (d + i < head_dim) {
            to[d + i] = parts[i] * factor;
        }
    }
}

#endif
