/* SPDX-License-Identifier: MIT */
/* A seccomp filter that leaves a process only threads. */
#include "confine.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include "log.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

#define LOAD(field)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define FAIL(error)    RETURN(SECCOMP_RET_ERRNO | (error))
/* Skip the next instruction unless the value loaded is so. */
#define UNLESS_NOT(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1)

bool confine_to_threads(void)
{
    struct sock_filter filter[] = {
        /* System calls of other architectures have other numbers. */
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        FAIL(EPERM),
        LOAD(nr),
#ifdef __x86_64__
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1), /* x32 */
        FAIL(EPERM),
        UNLESS_NOT(SYS_fork),
        FAIL(EPERM),
        UNLESS_NOT(SYS_vfork),
        FAIL(EPERM),
#endif
        /* Its flags are in memory, where a filter cannot look; libraries use clone() then. */
        UNLESS_NOT(SYS_clone3),
        FAIL(ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        RETURN(SECCOMP_RET_ALLOW),
        LOAD(args[0]), /* the low half: these are little endian */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
        FAIL(EPERM),
        RETURN(SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {
        .len = sizeof(filter) / sizeof(*filter),
        .filter = filter,
    };
    if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return true;
    backend_log(VENUS_LOG_WARNING, "this process can make others that outlive it: seccomp: %s",
                strerror(errno));
    return false;
}

#else

bool confine_to_threads(void)
{
    backend_log(VENUS_LOG_WARNING,
                "this process can make others that outlive it: no filter for this architecture");
    return false;
}

#endif
