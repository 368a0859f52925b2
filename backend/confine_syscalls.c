/* SPDX-License-Identifier: MIT */
/*
 * The system calls of a render process.
 *
 * What Vulkan drivers call differs from driver to driver and from version to version, so that a
 * list of what is allowed would break some of them.  This is a list of what none has a use for:
 * starting programs and processes (which could go on using the guest's memory), looking into other
 * processes, everything about mounts, namespaces and the kernel itself, networks, and interfaces
 * that are large and were often at fault.  Such calls fail with an error, so that a driver that
 * tries can do without.
 */
#include "confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "log.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef NATIVE_ARCHITECTURE

/* System calls of x86's 32-bit pointer model have this bit and numbers of their own. */
#define OTHER_MODEL 0x40000000u

static const unsigned int denied[] = {
    /* programs and processes */
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pidfd_getfd,
    SYS_process_madvise,
    SYS_kcmp,
    SYS_personality,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
    /* mounts and namespaces */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_unshare,
    SYS_setns,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_quotactl,
    SYS_swapon,
    SYS_swapoff,
    /* the kernel */
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_syslog,
    SYS_acct,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_vhangup,
    SYS_fanotify_init,
};
#define DENIED (sizeof(denied) / sizeof(denied[0]))

/* Where the low half of an argument lies: these are little endian. */
#define ARGUMENT(n)  (offsetof(struct seccomp_data, args) + 8 * (n))
#define LOAD(where)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, where)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define FAIL(error)  RETURN(SECCOMP_RET_ERRNO | (error))
/* If the value is, or has a bit of, `k`: go on; else skip some. */
#define IF_EQUAL(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, skip)
#define IF_SET(k, skip)   BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, k, 0, skip)

static const struct sock_filter head[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_MODEL, 0, 1),
    FAIL(ENOSYS),
};

static const struct sock_filter tail[] = {
    /* Its flags are in memory.  The C library then takes the older call. */
    IF_EQUAL(SYS_clone3, 1),
    FAIL(ENOSYS),
    /* Threads, but no processes. */
    IF_EQUAL(SYS_clone, 4),
    LOAD(ARGUMENT(0)),
    IF_SET(CLONE_THREAD, 1),
    RETURN(SECCOMP_RET_ALLOW),
    FAIL(EPERM),
    IF_EQUAL(SYS_socket, 4),
    LOAD(ARGUMENT(0)),
    IF_EQUAL(AF_UNIX, 1),
    RETURN(SECCOMP_RET_ALLOW),
    FAIL(EAFNOSUPPORT),
    /* Typing into the terminal that the log goes to. */
    IF_EQUAL(SYS_ioctl, 4),
    LOAD(ARGUMENT(1)),
    IF_EQUAL(TIOCSTI, 1),
    FAIL(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
    RETURN(SECCOMP_RET_ALLOW),
};

#define HEAD (sizeof(head) / sizeof(head[0]))
#define TAIL (sizeof(tail) / sizeof(tail[0]))

bool confine_syscalls(void)
{
    struct sock_filter filter[HEAD + 2 * DENIED + TAIL];
    struct sock_filter *next = filter + HEAD;
    memcpy(filter, head, sizeof(head));
    for (unsigned int i = 0; i < DENIED; i++) {
        *next++ = (struct sock_filter)IF_EQUAL(denied[i], 1);
        *next++ = (struct sock_filter)FAIL(EPERM);
    }
    memcpy(next, tail, sizeof(tail));
    const struct sock_fprog program = {
        .len = sizeof(filter) / sizeof(filter[0]),
        .filter = filter,
    };
    if (!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
        !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return true;
    backend_log(
        VENUS_LOG_WARNING,
        "this process keeps all system calls, and can make others that outlive it: seccomp: %s",
        strerror(errno));
    return false;
}

#else

bool confine_syscalls(void)
{
    backend_log(VENUS_LOG_WARNING, "this process keeps all system calls, and can make others that "
                                   "outlive it: no filter for this architecture");
    return false;
}

#endif
