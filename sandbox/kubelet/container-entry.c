/*
 * The last steps into a container, which leave no program of the machine behind:
 *
 *   container-entry root DIRECTORY CREDENTIALS... -- COMMAND...
 *       makes DIRECTORY, a mount, the root of this mount namespace and lets the machine's own go
 *   container-entry join PID CREDENTIALS... -- COMMAND...
 *       enters the network and mount namespaces of a container's process
 *
 * then takes on the credentials, says "begun" on descriptor 3 if that is open, and executes the
 * command there. CREDENTIALS are six words: uid, gid (both "-": keep), supplementary groups with
 * commas ("-": none), the bounding set as a hexadecimal mask, 1 for no_new_privs, and the working
 * directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { start_error = 128, credential_words = 6, most_groups = 64 };

static void fail(const char *what) {
  fprintf(stderr, "container-entry: %s: %s\n", what, strerror(errno));
  exit(start_error);
}

/* pivot_root(2), "pivot_root(".", ".")": the old root lies on top of the new one until it is detached. */
static void change_root(const char *directory) {
  if (chdir(directory) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
      umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    fail(directory);
}

static int open_namespace(const char *pid, const char *name) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    fail(path);
  return fd;
}

static void join(const char *pid) {
  int net = open_namespace(pid, "net");
  int mnt = open_namespace(pid, "mnt");
  if (setns(net, CLONE_NEWNET) != 0 || setns(mnt, CLONE_NEWNS) != 0)
    fail("setns");
  close(net);
  close(mnt);
}

static void limit_capabilities(unsigned long long kept) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if ((kept >> capability & 1) == 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
      fail("bounding set");
}

/* Inheritable capabilities would come back at the exec of a program that root runs. */
static void clear_inheritable(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) != 0)
    fail("capget");
  data[0].inheritable = data[1].inheritable = 0;
  if (syscall(SYS_capset, &header, data) != 0)
    fail("capset");
}

static void set_groups(char *words) {
  gid_t groups[most_groups];
  size_t count = 0;
  if (strcmp(words, "-") != 0)
    for (char *word = strtok(words, ","); word != NULL && count < most_groups;
         word = strtok(NULL, ","))
      groups[count++] = (gid_t)strtoul(word, NULL, 10);
  if (setgroups(count, groups) != 0)
    fail("setgroups");
}

static void take_on(char **words) {
  limit_capabilities(strtoull(words[3], NULL, 16));
  if (strcmp(words[0], "-") != 0) {
    uid_t uid = (uid_t)strtoul(words[0], NULL, 10);
    gid_t gid = (gid_t)strtoul(words[1], NULL, 10);
    set_groups(words[2]);
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
      fail("user");
  }
  clear_inheritable();
  if (strcmp(words[4], "1") == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    fail("no_new_privs");
  /* After the change of user, which resets it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    fail("death signal");
  if (chdir(words[5]) != 0)
    fail(words[5]);
}

int main(int argc, char **argv) {
  const int command = 3 + credential_words + 1;
  if (argc <= command || strcmp(argv[command - 1], "--") != 0) {
    fprintf(stderr, "container-entry: wrong arguments\n");
    return start_error;
  }
  if (strcmp(argv[1], "root") == 0)
    change_root(argv[2]);
  else
    join(argv[2]);
  take_on(&argv[3]);
  /* Closed by the exec; whoever waits has read the word before it sees the end. */
  if (fcntl(3, F_SETFD, FD_CLOEXEC) == 0 && write(3, "begun\n", 6) != 6)
    fail("descriptor 3");
  execvp(argv[command], &argv[command]);
  fail(argv[command]);
}
