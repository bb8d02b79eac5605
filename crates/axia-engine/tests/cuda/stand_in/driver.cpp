// A stand-in for NVIDIA's driver, as far as axia calls it: one card, which is the host. Kernels run
// through the shim, from the library that AXIA_STAND_IN_KERNELS names.
//
// AXIA_STAND_IN_MEMORY is its memory in bytes, AXIA_STAND_IN_CARDS the number of cards,
// AXIA_STAND_IN_DRIVER the version of CUDA that it speaks, and AXIA_STAND_IN_LAUNCHES the number of
// kernels after which the card fails.

#include <dlfcn.h>
#include <stdio.h>

#include "queue.h"

using namespace stand_in;

namespace stand_in {
Card card;
}

namespace {

typedef const char *(*Entry)(const char *, const unsigned *, unsigned, unsigned, int, size_t,
                             void *const *);
typedef size_t (*CountArguments)(const char *);

struct Module {
    void *library;
};

struct Function {
    std::string name;
    Entry entry;
    size_t arguments;
    unsigned most_shared;
};

// What blocks of an H200 may ask for.
const unsigned MOST_SHARED = 227 << 10;

bool is_started = false;
thread_local void *current = nullptr;
uint64_t launches = 0;
std::vector<std::pair<uint64_t, size_t>> locked;

char context, stream_place, event_place;

// Whether the driver may be called from this thread, on this stream.
int ready(const void *stream = &stream_place) {
    if (!is_started) {
        return NOT_INITIALIZED;
    }
    return current == &context && stream == &stream_place ? card.failure : INVALID_CONTEXT;
}

bool is_locked(const void *at, size_t bytes) {
    uint64_t from = reinterpret_cast<uint64_t>(at);
    for (auto &piece : locked) {
        if (from >= piece.first && from + bytes <= piece.first + piece.second) {
            return true;
        }
    }
    return false;
}

typedef std::lock_guard<std::recursive_mutex> Lock;

}  // namespace

extern "C" {

int cuInit(unsigned flags) {
    is_started = true;
    return flags ? INVALID_VALUE : setting("AXIA_STAND_IN_CARDS", 1) ? SUCCESS : NO_DEVICE;
}

int cuDriverGetVersion(int *version) {
    *version = static_cast<int>(setting("AXIA_STAND_IN_DRIVER", 12080));
    return SUCCESS;
}

int cuDeviceGetCount(int *count) {
    *count = static_cast<int>(setting("AXIA_STAND_IN_CARDS", 1));
    return is_started ? SUCCESS : NOT_INITIALIZED;
}

int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    bool is_there = ordinal >= 0 && ordinal < static_cast<int>(setting("AXIA_STAND_IN_CARDS", 1));
    return is_there ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetName(char *name, int most, int) {
    snprintf(name, most, "Stand-in card");
    return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = card.total();
    return SUCCESS;
}

int cuDeviceGetAttribute(int *value, int attribute, int) {
    const int MAJOR = 75, MINOR = 76, MEMORY_POOLS = 115;
    switch (attribute) {
        case MAJOR: *value = 9; return SUCCESS;
        case MINOR: *value = 0; return SUCCESS;
        case MEMORY_POOLS: *value = 1; return SUCCESS;
    }
    return INVALID_VALUE;
}

int cuDevicePrimaryCtxRetain(void **found, int) {
    *found = &context;
    return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }

int cuCtxGetCurrent(void **found) {
    *found = current;
    return SUCCESS;
}

int cuCtxSetCurrent(void *wanted) {
    current = wanted;
    return SUCCESS;
}

int cuStreamCreate(void **stream, unsigned) {
    *stream = &stream_place;
    return ready();
}

int cuStreamDestroy_v2(void *stream) {
    Lock lock(card.mutex);
    return ready(stream) ? ready(stream) : card.finish();
}

int cuStreamSynchronize(void *stream) {
    Lock lock(card.mutex);
    return ready(stream) ? ready(stream) : card.finish();
}

int cuStreamWaitEvent(void *stream, void *, unsigned) { return ready(stream); }

int cuEventCreate(void **event, unsigned) {
    *event = &event_place;
    return ready();
}

int cuEventDestroy_v2(void *) { return SUCCESS; }

int cuEventRecord(void *, void *stream) { return ready(stream); }

int cuMemAllocAsync(uint64_t *at, size_t bytes, void *stream) {
    Lock lock(card.mutex);
    if (int problem = ready(stream)) {
        return problem;
    }
    int found = card.allocate(at, bytes);
    // What was given back may still wait for the work before it.
    return found == OUT_OF_MEMORY && card.finish() == SUCCESS ? card.allocate(at, bytes) : found;
}

int cuMemFreeAsync(uint64_t at, void *stream) {
    Lock lock(card.mutex);
    if (ready(stream) || !card.memory.count(at)) {
        return ready(stream) ? ready(stream) : INVALID_VALUE;
    }
    return card.queue([at] { return card.release(at); });
}

int cuMemAlloc_v2(uint64_t *at, size_t bytes) { return cuMemAllocAsync(at, bytes, &stream_place); }

int cuMemFree_v2(uint64_t at) { return cuMemFreeAsync(at, &stream_place); }

int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    Lock lock(card.mutex);
    *total = card.total();
    *free_bytes = card.total() - card.used;
    return ready();
}

int cuMemHostAlloc(void **at, size_t bytes, unsigned) {
    Lock lock(card.mutex);
    *at = malloc(bytes);
    locked.push_back({reinterpret_cast<uint64_t>(*at), bytes});
    return ready();
}

int cuMemFreeHost(void *at) {
    Lock lock(card.mutex);
    for (size_t i = 0; i < locked.size(); i++) {
        if (locked[i].first == reinterpret_cast<uint64_t>(at)) {
            memset(at, UNWRITTEN, locked[i].second);
            locked.erase(locked.begin() + static_cast<ptrdiff_t>(i));
            free(at);
            return SUCCESS;
        }
    }
    return INVALID_VALUE;
}

// Reads memory that is not page-locked when it pleases, as a card may that shares the host's page
// tables; up to 64 KiB are copied at once.
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
    Lock lock(card.mutex);
    if (ready(stream) || !card.holds(to, bytes)) {
        return ready(stream) ? ready(stream) : INVALID_VALUE;
    }
    if (bytes <= 64 << 10 && !is_locked(from, bytes)) {
        std::vector<char> data(static_cast<const char *>(from), static_cast<const char *>(from) + bytes);
        return card.queue([to, data] {
            memcpy(reinterpret_cast<void *>(to), data.data(), data.size());
            return SUCCESS;
        });
    }
    return card.queue([to, from, bytes] {
        memcpy(reinterpret_cast<void *>(to), from, bytes);
        return SUCCESS;
    });
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
    Lock lock(card.mutex);
    if (ready(stream) || !card.holds(from, bytes)) {
        return ready(stream) ? ready(stream) : INVALID_VALUE;
    }
    return card.queue([to, from, bytes] {
        memcpy(to, reinterpret_cast<void *>(from), bytes);
        return SUCCESS;
    });
}

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream) {
    Lock lock(card.mutex);
    if (ready(stream) || !card.holds(from, bytes) || !card.holds(to, bytes)) {
        return ready(stream) ? ready(stream) : INVALID_VALUE;
    }
    return card.queue([to, from, bytes] {
        memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
        return SUCCESS;
    });
}

int cuMemsetD8Async(uint64_t at, unsigned char value, size_t bytes, void *stream) {
    Lock lock(card.mutex);
    if (ready(stream) || !card.holds(at, bytes)) {
        return ready(stream) ? ready(stream) : INVALID_VALUE;
    }
    return card.queue([at, value, bytes] {
        memset(reinterpret_cast<void *>(at), value, bytes);
        return SUCCESS;
    });
}

int cuModuleLoadData(void **module, const void *image) {
    if (int problem = ready()) {
        return problem;
    }
    if (memcmp(image, "\x7f" "ELF", 4) != 0) {
        return INVALID_IMAGE;
    }
    void *library = dlopen(getenv("AXIA_STAND_IN_KERNELS"), RTLD_NOW | RTLD_LOCAL);
    *module = new Module{library};
    return library ? SUCCESS : INVALID_IMAGE;
}

int cuModuleUnload(void *module) {
    delete static_cast<Module *>(module);
    return SUCCESS;
}

int cuModuleGetFunction(void **function, void *module, const char *name) {
    if (int problem = ready()) {
        return problem;
    }
    void *library = static_cast<Module *>(module)->library;
    auto entry = reinterpret_cast<Entry>(dlsym(library, "shim_launch"));
    auto count = reinterpret_cast<CountArguments>(dlsym(library, "shim_arguments"));
    size_t arguments = entry && count ? count(name) : SIZE_MAX;
    // Never given back: axia keeps its kernels as long as it runs.
    *function = new Function{name, entry, arguments, 48 << 10};
    return arguments == SIZE_MAX ? NOT_FOUND : SUCCESS;
}

int cuFuncSetAttribute(void *function, int attribute, int value) {
    const int MAX_DYNAMIC_SHARED = 8;
    if (attribute != MAX_DYNAMIC_SHARED || value < 0 || static_cast<unsigned>(value) > MOST_SHARED) {
        return INVALID_VALUE;
    }
    static_cast<Function *>(function)->most_shared = static_cast<unsigned>(value);
    return ready();
}

int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned threads,
                   unsigned threads_y, unsigned threads_z, unsigned shared, void *stream,
                   void **arguments, void **) {
    Lock lock(card.mutex);
    Function *kernel = static_cast<Function *>(function);
    bool is_allowed = x >= 1 && y >= 1 && z >= 1 && x <= 0x7fffffffu && y <= 0xffff && z <= 0xffff &&
                      threads >= 1 && threads <= 1024 && threads_y == 1 && threads_z == 1 &&
                      shared <= kernel->most_shared;
    if (ready(stream) || !is_allowed) {
        return ready(stream) ? ready(stream) : INVALID_VALUE;
    }
    if (++launches > setting("AXIA_STAND_IN_LAUNCHES", UINT64_MAX)) {
        return card.queue([] { return LAUNCH_FAILED; });
    }
    // Arguments are copied when the kernel is queued; none is longer than 8 bytes.
    std::vector<uint64_t> bits;
    for (size_t i = 0; i < kernel->arguments; i++) {
        bits.push_back(*static_cast<uint64_t *>(arguments[i]));
    }
    return card.queue([=]() mutable {
        std::vector<void *> pointers;
        for (uint64_t &one : bits) {
            pointers.push_back(&one);
        }
        unsigned grid[3] = {x, y, z};
        const char *problem = kernel->entry(kernel->name.c_str(), grid, threads, shared, 0,
                                            pointers.size(), pointers.data());
        if (problem) {
            fprintf(stderr, "%s: %s\n", kernel->name.c_str(), problem);
        }
        return problem ? LAUNCH_FAILED : SUCCESS;
    });
}

}  // extern "C"
