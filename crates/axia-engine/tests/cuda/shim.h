// Runs CUDA kernels on the host, one block after the other. The threads of a block are fibers of
// one system thread, which change where threads wait for each other only; so a run is deterministic.
// Whether a barrier is missing shows when the threads are taken in other orders: 0, all to their next
// wait in turn; 1, every warp as far as the next barrier before the next warp; 2, the same backwards.

#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <tuple>
#include <utility>
#include <vector>

struct alignas(8) uint2 {
    unsigned int x, y;
};
struct dim3 {
    unsigned int x, y, z;
};
struct alignas(16) float4 {
    float x, y, z, w;
};

static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline float __uint_as_float(unsigned int bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}
static inline float __int_as_float(int bits) { return __uint_as_float((unsigned int)bits); }
static inline unsigned int __float_as_uint(float x) {
    unsigned int bits;
    memcpy(&bits, &x, 4);
    return bits;
}
static inline unsigned int min(unsigned int a, unsigned int b) { return a < b ? a : b; }

namespace shim {

enum Waits { RUNS, AT_BARRIER, AT_SHUFFLE, AT_PRODUCT, AT_LOAD, ENDED };

const size_t STACK = 128 << 10;
const size_t SHARED = 256 << 10;

// Begins as a context and goes on by jumps, which are no system calls.
struct Fiber {
    ucontext_t context;
    jmp_buf place;
    bool begun;
    std::vector<char> stack;
    Waits waits;
    unsigned int shuffles;
};

static dim3 grid, block_size, block, thread;
static std::vector<Fiber> fibers;
static jmp_buf scheduler;
static unsigned int current;
static float exchanged[2][1024];
// What the threads of a warp bring to a matrix product: four words of the first factor, two of the
// second.
static unsigned int factors[2][1024][6];
// The rows of matrices that they name.
static const unsigned short *rows[2][1024];
// Bytes behind a block's shared memory that it must leave as they are.
const size_t GUARD = 8 << 10;
alignas(256) static char shared[SHARED + GUARD];
static void (*body)(void *const *);
static void *const *arguments;
static int order;

static void wait(Waits waits) {
    Fiber &fiber = fibers[current];
    fiber.waits = waits;
    if (_setjmp(fiber.place) == 0) {
        _longjmp(scheduler, 1);
    }
}

// Lets a fiber run until it waits.
static void resume(unsigned int t) {
    current = t;
    thread = {t, 0, 0};
    if (_setjmp(scheduler) == 0) {
        if (fibers[t].begun) {
            _longjmp(fibers[t].place, 1);
        }
        fibers[t].begun = true;
        setcontext(&fibers[t].context);
    }
}

static inline float shuffle_xor(float x, unsigned int lanes) {
    // Two places in turn: whoever is a shuffle ahead does not overwrite what others have yet to read.
    unsigned int place = fibers[current].shuffles++ % 2;
    exchanged[place][current] = x;
    wait(AT_SHUFFLE);
    return exchanged[place][current ^ lanes];
}

static inline float number(unsigned int word, unsigned int half) {
    return __uint_as_float((half ? word >> 16 : word) << 16);
}

// PTX's mma.m16n8k16: c (16, 8) += a (16, 16) b (16, 8), spread over a warp as its manual says.
static inline void multiply_add(const unsigned int (&a)[4], unsigned int b0, unsigned int b1,
                                float (&c)[4]) {
    unsigned int place = fibers[current].shuffles++ % 2, lane = current % 32;
    unsigned int brought[6] = {a[0], a[1], a[2], a[3], b0, b1};
    memcpy(factors[place][current], brought, sizeof brought);
    wait(AT_PRODUCT);
    auto of_warp = factors[place] + (current - lane);
    for (unsigned int e = 0; e < 4; e++) {
        unsigned int row = lane / 4 + e / 2 * 8, column = lane % 4 * 2 + e % 2;
        for (unsigned int k = 0; k < 16; k++) {
            unsigned int place_of_k = k % 8 / 2, later = k / 8;
            unsigned int first = of_warp[row % 8 * 4 + place_of_k][row / 8 + 2 * later];
            unsigned int second = of_warp[column * 4 + place_of_k][4 + later];
            c[e] += number(first, k % 2) * number(second, k % 2);
        }
    }
}

// PTX's ldmatrix.m8n8.x4, with .trans or without.
static inline void gather_matrices(const unsigned short *row, unsigned int (&found)[4],
                                   bool transposed) {
    unsigned int place = fibers[current].shuffles++ % 2, lane = current % 32;
    if ((uintptr_t)row % 16 != 0) {
        abort();
    }
    rows[place][current] = row;
    wait(AT_LOAD);
    auto of_warp = rows[place] + (current - lane);
    for (unsigned int i = 0; i < 4; i++) {
        unsigned int parts[2];
        for (unsigned int e = 0; e < 2; e++) {
            unsigned int of_row = lane / 4, column = lane % 4 * 2 + e;
            parts[e] = transposed ? of_warp[8 * i + column][of_row] : of_warp[8 * i + of_row][column];
        }
        found[i] = parts[0] | parts[1] << 16;
    }
}

// A fiber's life: a thread of one block after another.
static void run_fiber() {
    for (;;) {
        body(arguments);
        wait(ENDED);
    }
}

static void add_fiber() {
    fibers.push_back({});
    Fiber &fiber = fibers.back();
    fiber.stack.resize(STACK);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = fiber.stack.size();
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, run_fiber, 0);
}

static bool all(unsigned int from, unsigned int to, Waits waits) {
    for (unsigned int t = from; t < to; t++) {
        if (fibers[t].waits != waits) {
            return false;
        }
    }
    return true;
}

static void release(unsigned int from, unsigned int to) {
    for (unsigned int t = from; t < to; t++) {
        fibers[t].waits = RUNS;
    }
}

// Lets the threads of a warp go on to their next wait; whether any could.
static bool run_warp(unsigned int first) {
    for (Waits together : {AT_SHUFFLE, AT_PRODUCT, AT_LOAD}) {
        if (all(first, first + 32, together)) {
            release(first, first + 32);
        }
    }
    bool goes_on = false;
    for (unsigned int i = 0; i < 32; i++) {
        unsigned int t = first + (order == 2 ? 31 - i : i);
        if (fibers[t].waits == RUNS) {
            resume(t);
            goes_on = true;
        }
    }
    return goes_on;
}

// Runs one block to its end; what went wrong, or null.
static const char *run_block(unsigned int threads, size_t bytes) {
    // What is read before it is written shows as NaN.
    memset(shared, 0xff, bytes + GUARD);
    for (unsigned int t = 0; t < threads; t++) {
        fibers[t].waits = RUNS;
        fibers[t].shuffles = 0;
    }
    while (!all(0, threads, ENDED)) {
        bool goes_on = false;
        for (unsigned int i = 0; i < threads / 32; i++) {
            unsigned int warp = order == 2 ? threads / 32 - 1 - i : i;
            // In orders 1 and 2 a warp goes on, through its shuffles, as far as it can.
            while (run_warp(32 * warp)) {
                goes_on = true;
                if (order == 0) {
                    break;
                }
            }
        }
        if (all(0, threads, AT_BARRIER)) {
            release(0, threads);
            goes_on = true;
        }
        if (!goes_on) {
            return "its threads wait for each other for ever";
        }
    }
    for (size_t at = bytes; at < bytes + GUARD; at++) {
        if (shared[at] != (char)0xff) {
            return "it writes behind its shared memory";
        }
    }
    return nullptr;
}

template <typename... A, size_t... I>
static void call(void (*kernel)(A...), void *const *from, std::index_sequence<I...>) {
    kernel(*(std::decay_t<A> *)from[I]...);
}

template <typename... A>
static void call(void (*kernel)(A...), void *const *from) {
    call(kernel, from, std::index_sequence_for<A...>{});
}

template <typename... A>
static size_t count(void (*)(A...)) {
    return sizeof...(A);
}

struct Kernel {
    const char *name;
    void (*body)(void *const *);
    size_t arguments;
};

}  // namespace shim

#define __global__
#define __device__
#define __shared__ static
#define __restrict__
#define __launch_bounds__(threads)
#define threadIdx shim::thread
#define blockIdx shim::block
#define blockDim shim::block_size
#define gridDim shim::grid
#define __syncthreads() shim::wait(shim::AT_BARRIER)
#define __shfl_xor_sync(mask, x, lanes) shim::shuffle_xor(x, lanes)
#define mma shim::multiply_add
#define load_matrices(row, found) shim::gather_matrices(row, found, false)
#define load_transposed(row, found) shim::gather_matrices(row, found, true)
#define SHARED_FLOATS(name) float *name = reinterpret_cast<float *>(shim::shared)
#define SHIM_KERNEL(name)                                                             \
    {#name, [](void *const *from) { shim::call(name, from); }, shim::count(name)}

// Follows the kernels: `kernels` lists them, and ends with an empty name.
#define SHIM_ENTRY(kernels)                                                                       \
    extern "C" size_t shim_arguments(const char *name) {                                          \
        for (const shim::Kernel *kernel = kernels; kernel->name; kernel++) {                      \
            if (strcmp(kernel->name, name) == 0) {                                                \
                return kernel->arguments;                                                         \
            }                                                                                     \
        }                                                                                         \
        return SIZE_MAX;                                                                          \
    }                                                                                             \
    extern "C" const char *shim_launch(const char *name, const unsigned int *grid,                \
                                       unsigned int threads, unsigned int shared, int order,      \
                                       size_t arguments, void *const *from) {                     \
        for (const shim::Kernel *kernel = kernels; kernel->name; kernel++) {                      \
            if (strcmp(kernel->name, name) != 0) {                                                \
                continue;                                                                         \
            }                                                                                     \
            if (kernel->arguments != arguments || shared > shim::SHARED || threads % 32 != 0 ||   \
                threads > 1024) {                                                                 \
                return "wrong arguments, or a launch that no card takes";                         \
            }                                                                                     \
            shim::body = kernel->body;                                                            \
            shim::arguments = from;                                                               \
            shim::order = order;                                                                  \
            shim::grid = {grid[0], grid[1], grid[2]};                                             \
            shim::block_size = {threads, 1, 1};                                                   \
            shim::fibers.reserve(1024);                                                           \
            while (shim::fibers.size() < threads) {                                               \
                shim::add_fiber();                                                                \
            }                                                                                     \
            for (unsigned int z = 0; z < grid[2]; z++)                                            \
                for (unsigned int y = 0; y < grid[1]; y++)                                        \
                    for (unsigned int x = 0; x < grid[0]; x++) {                                  \
                        shim::block = {x, y, z};                                                  \
                        const char *problem = shim::run_block(threads, shared);                   \
                        if (problem) {                                                            \
                            return problem;                                                       \
                        }                                                                         \
                    }                                                                             \
            return nullptr;                                                                       \
        }                                                                                         \
        return "there is no such kernel";                                                         \
    }
