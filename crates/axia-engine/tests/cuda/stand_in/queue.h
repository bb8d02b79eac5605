// What the stand-in's driver and its cuBLASLt share: memory, and work that waits for its turn.
//
// Work is done when somebody waits for it, not sooner, and memory loses its contents when it is
// given back: whoever relies on more than NVIDIA promises finds out.

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace stand_in {

// Results of the driver.
enum Result {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NOT_FOUND = 500,
    LAUNCH_FAILED = 719,
};

// A number from the environment.
inline uint64_t setting(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text ? strtoull(text, nullptr, 10) : otherwise;
}

// What new memory holds, and what is left of memory given back: NaN, as f32, bf16 and f64.
const int UNWRITTEN = 0xff;
// Bytes behind every piece of memory that nobody may write to, and what they hold.
const size_t GUARD = 256;
const int UNTOUCHED = 0xa5;

// Everything that is on the card.
struct Card {
    std::recursive_mutex mutex;
    // Pieces of memory that are in use, by where they begin.
    std::map<uint64_t, size_t> memory;
    size_t used = 0;
    std::vector<std::function<int()>> work;
    // The first failure stays.
    int failure = SUCCESS;

    size_t total() const { return setting("AXIA_STAND_IN_MEMORY", 8ull << 30); }

    // Whether `bytes` bytes from `at` on lie in one piece.
    bool holds(uint64_t at, size_t bytes) const {
        auto after = memory.upper_bound(at);
        if (after == memory.begin()) {
            return false;
        }
        auto piece = std::prev(after);
        return bytes <= piece->second && at - piece->first <= piece->second - bytes;
    }

    int allocate(uint64_t *at, size_t bytes) {
        if (bytes == 0) {
            return INVALID_VALUE;
        }
        if (bytes > total() - used) {
            return OUT_OF_MEMORY;
        }
        size_t padded = (bytes + GUARD - 1) / GUARD * GUARD + GUARD;
        char *start = static_cast<char *>(aligned_alloc(GUARD, padded));
        memset(start, UNWRITTEN, bytes);
        memset(start + bytes, UNTOUCHED, GUARD);
        *at = reinterpret_cast<uint64_t>(start);
        memory[*at] = bytes;
        used += bytes;
        return SUCCESS;
    }

    int release(uint64_t at) {
        auto piece = memory.find(at);
        if (piece == memory.end()) {
            return INVALID_VALUE;
        }
        char *start = reinterpret_cast<char *>(at);
        bool is_whole = true;
        for (size_t i = 0; i < GUARD; i++) {
            is_whole = is_whole && start[piece->second + i] == static_cast<char>(UNTOUCHED);
        }
        memset(start, UNWRITTEN, piece->second);
        used -= piece->second;
        memory.erase(piece);
        free(start);
        return is_whole ? SUCCESS : LAUNCH_FAILED;
    }

    // Does all that waits.
    int finish() {
        std::vector<std::function<int()>> waiting;
        waiting.swap(work);
        for (auto &one : waiting) {
            if (failure == SUCCESS) {
                failure = one();
            }
        }
        return failure;
    }

    int queue(std::function<int()> one) {
        if (failure == SUCCESS) {
            work.push_back(std::move(one));
        }
        return failure;
    }
};

extern Card card;

}  // namespace stand_in
