// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boxgrad/core/config.hpp>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>
#endif

namespace boxgrad::inline BOXGRAD_ABI::testing {

/// Memory that plays a device's. On Linux it is mapped twice: at the addresses that it gives out it
/// can be touched only while an `access` lives; the host's copies go through the second mapping.
/// Elsewhere it is plain memory. Safe to use from any number of threads.
class guarded_memory {
public:
    static guarded_memory& instance() {
        static guarded_memory& memory = *new guarded_memory;  // a tensor may live as long as the program
        return memory;
    }
    guarded_memory(const guarded_memory&) = delete;
    guarded_memory& operator=(const guarded_memory&) = delete;
    ~guarded_memory() = delete;

    /// Throws std::bad_alloc.
    void* allocate(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        bytes = rounded(bytes);
        for (auto i = holes_.begin(); i != holes_.end(); ++i) {
            const auto [begin, size] = *i;
            if (size < bytes) continue;
            holes_.erase(i);
            if (size > bytes) holes_.emplace(begin + bytes, size - bytes);
            return device_ + begin;
        }
        if (bytes > capacity - top_) exhausted();
        const std::size_t begin = top_;
        top_ += bytes;
        if (users_ > 0) protect(true);
        return device_ + begin;
    }
    void release(void* p, std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        std::size_t begin = offset(p);
        bytes = rounded(bytes);
        const auto next = holes_.find(begin + bytes);
        if (next != holes_.end()) {
            bytes += next->second;
            holes_.erase(next);
        }
        auto previous = holes_.lower_bound(begin);
        if (previous != holes_.begin() && (--previous)->first + previous->second == begin) {
            begin = previous->first;
            bytes += previous->second;
            holes_.erase(previous);
        }
        if (begin + bytes == top_) {
            top_ = begin;
        } else {
            holes_.emplace(begin, bytes);
        }
    }

    /// Where the host reaches what p points at. Ends the program where p is not this memory's.
    void* host_address(const void* p) const { return host_ + offset(p); }

    /// While one lives the memory may be touched. They nest.
    struct access {
        access() { instance().enter(); }
        ~access() { instance().leave(); }
        access(const access&) = delete;
        access& operator=(const access&) = delete;
    };

private:
    static constexpr std::size_t capacity = std::size_t{1} << 30;  // of addresses, not of memory

    [[noreturn]] static void exhausted() {
#if defined(__cpp_exceptions)
        throw std::bad_alloc();
#else
        std::abort();
#endif
    }
    static std::size_t rounded(std::size_t bytes) { return (bytes + 64) / 64 * 64; }

    std::size_t offset(const void* p) const {
        const auto* const at = static_cast<const unsigned char*>(p);
        if (at < device_ || at >= device_ + capacity) {
            std::fputs("boxgrad::testing::archetype: a copy of memory that is not the backend's\n", stderr);
            std::abort();
        }
        return static_cast<std::size_t>(at - device_);
    }
    void enter() {
        const std::lock_guard lock(mutex_);
        if (users_++ == 0) protect(true);
    }
    void leave() {
        const std::lock_guard lock(mutex_);
        if (--users_ == 0) protect(false);
    }

#if defined(__linux__)
    guarded_memory() {
        const int file = memfd_create("boxgrad", 0);
        if (file < 0 || ftruncate(file, static_cast<off_t>(capacity)) != 0) exhausted();
        device_ = map(file, PROT_NONE);
        host_ = map(file, PROT_READ | PROT_WRITE);
        close(file);
    }
    static unsigned char* map(int file, int protection) {
        void* const p = mmap(nullptr, capacity, protection, MAP_SHARED | MAP_NORESERVE, file, 0);
        if (p == MAP_FAILED) exhausted();
        return static_cast<unsigned char*>(p);
    }
    void protect(bool open) {
        if (top_ > open_) open_ = top_;
        if (mprotect(device_, open_, open ? PROT_READ | PROT_WRITE : PROT_NONE) != 0) std::abort();
        if (!open) open_ = 0;
    }
    std::size_t open_ = 0;  // bytes that can be touched
#else
    guarded_memory() : device_(static_cast<unsigned char*>(std::malloc(capacity))), host_(device_) {
        if (!device_) exhausted();
    }
    void protect(bool) {}
#endif

    std::mutex mutex_;
    std::map<std::size_t, std::size_t> holes_;  // begin -> size
    std::size_t top_ = 0;
    int users_ = 0;
    unsigned char* device_ = nullptr;
    unsigned char* host_ = nullptr;
};

}  // namespace boxgrad::inline BOXGRAD_ABI::testing
