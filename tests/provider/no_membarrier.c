/* no_membarrier PROGRAM ARGS... - runs a program for which membarrier(2) fails, as in containers
 * that do not allow it. 77 where such a filter cannot be set up. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SKIP = 77, FAILED = 2 };

static int refuse_membarrier(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof steps / sizeof steps[0], .filter = steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: no_membarrier PROGRAM ARGS...\n", stderr);
        return FAILED;
    }
    if (refuse_membarrier()) {
        perror("no_membarrier: no filter");
        return SKIP;
    }
    if (syscall(SYS_membarrier, 0, 0, 0) >= 0) {
        fputs("no_membarrier: membarrier(2) still works\n", stderr);
        return FAILED;
    }
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return FAILED;
}
