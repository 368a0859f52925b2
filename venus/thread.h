/* SPDX-License-Identifier: MIT */
/*
 * Small helpers for threads and time.
 */
#ifndef VENUS_THREAD_H
#define VENUS_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in nanoseconds. */
static inline uint64_t venus_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* In a loop that looks at memory until another processor changes it: easier on both. */
static inline void venus_cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/* A condition variable for venus_cond_wait_until(). Returns 0 or a positive errno. */
static inline int venus_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error)
        return error;
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!error)
        error = pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return error;
}

/* pthread_cond_timedwait() until a time of venus_now_ns(): 0 or ETIMEDOUT. */
static inline int venus_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t time)
{
    const struct timespec t = {
        .tv_sec = (time_t)(time / 1000000000u),
        .tv_nsec = (long)(time % 1000000000u),
    };
    return pthread_cond_timedwait(cond, lock, &t);
}

/* Start a thread that takes no signals: those are for the thread that expects them. Returns 0 or a
 * positive errno. */
static inline int venus_thread_start(pthread_t *thread, const char *name, void *(*run)(void *),
                                     void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error)
        pthread_setname_np(*thread, name);
    return error;
}

#endif
