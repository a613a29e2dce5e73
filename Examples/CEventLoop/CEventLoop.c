//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#ifdef __linux__
#define _GNU_SOURCE

#include "CEventLoop.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

_Static_assert(EPOLLIN == CEL_READABLE && EPOLLOUT == CEL_WRITABLE && EPOLLERR == CEL_FAILED &&
                 EPOLLHUP == CEL_HUNG_UP && EPOLLRDHUP == CEL_PEER_CLOSED,
               "the constants in the header are the kernel's");

#define CHECKED(call)                     \
  do {                                    \
    int result = (call);                  \
    return result < 0 ? -errno : result;  \
  } while (0)

int cel_epoll_create(void) { CHECKED(epoll_create1(EPOLL_CLOEXEC)); }

static int add(int epoll, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data.u64 = token};
  CHECKED(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

int cel_epoll_add_stream(int epoll, int fd, uint64_t token) {
  return add(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, token);
}

int cel_epoll_add_listener(int epoll, int fd, uint64_t token) {
  return add(epoll, fd, EPOLLIN | EPOLLEXCLUSIVE, token);
}

int cel_epoll_add_level(int epoll, int fd, uint64_t token) { return add(epoll, fd, EPOLLIN, token); }

int cel_epoll_remove(int epoll, int fd) {
  struct epoll_event ignored = {0};
  CHECKED(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &ignored));
}

int cel_epoll_wait(int epoll, struct cel_event *events, int capacity, int timeout_milliseconds) {
  struct epoll_event ready[256];
  if (capacity > 256) capacity = 256;
  int count = epoll_wait(epoll, ready, capacity, timeout_milliseconds);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int index = 0; index < count; index += 1) {
    events[index].token = ready[index].data.u64;
    events[index].events = ready[index].events;
  }
  return count;
}

int cel_eventfd(void) { CHECKED(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void cel_eventfd_signal(int fd) {
  uint64_t one = 1;
  // Cannot fail in a way that matters: a full counter means that the reader is already being woken.
  ssize_t ignored = write(fd, &one, sizeof one);
  (void)ignored;
}

void cel_eventfd_clear(int fd) {
  uint64_t count;
  ssize_t ignored = read(fd, &count, sizeof count);
  (void)ignored;
}

int cel_socket(int family) { CHECKED(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

int cel_accept(int listener, void *address, uint32_t *length) {
  int fd;
  do {
    fd = accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

int cel_connect(int fd, const void *address, uint32_t length) {
  CHECKED(connect(fd, address, length));
}

int cel_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
  return -error;
}

int cel_set_flag(int fd, int level, int option, int value) {
  CHECKED(setsockopt(fd, level, option, &value, sizeof value));
}

void cel_set_nodelay(int fd) { cel_set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

void cel_abort(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
}

int cel_shutdown_write(int fd) { CHECKED(shutdown(fd, SHUT_WR)); }

int cel_close(int fd) { CHECKED(close(fd)); }

intptr_t cel_read(int fd, void *buffer, size_t capacity) {
  ssize_t count;
  do {
    count = recv(fd, buffer, capacity, 0);
  } while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

intptr_t cel_send(int fd, const void *vectors, int count, int has_more) {
  struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
  ssize_t sent;
  do {
    sent = sendmsg(fd, &message, MSG_NOSIGNAL | (has_more ? MSG_MORE : 0));
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

intptr_t cel_send1(int fd, const void *bytes, size_t count) {
  ssize_t sent;
  do {
    sent = send(fd, bytes, count, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

intptr_t cel_send2(int fd, const void *p0, size_t n0, const void *p1, size_t n1) {
  const struct iovec vectors[2] = {{(void *)p0, n0}, {(void *)p1, n1}};
  return cel_send(fd, vectors, 2, 0);
}

intptr_t cel_unacknowledged(int fd) {
  int count = 0;
  return ioctl(fd, SIOCOUTQ, &count) < 0 ? -errno : count;
}

int cel_memory_file(const void *bytes, size_t count) {
  int file = memfd_create("response-body", MFD_CLOEXEC);
  if (file < 0) return -errno;
  size_t written = 0;
  while (written < count) {
    ssize_t result = write(file, (const char *)bytes + written, count - written);
    if (result < 0 && errno == EINTR) continue;
    if (result <= 0) {
      int error = result < 0 ? errno : ENOSPC;
      close(file);
      return -error;
    }
    written += (size_t)result;
  }
  return file;
}

intptr_t cel_send_file(int fd, int file, int64_t offset, size_t count) {
  off_t position = offset;
  ssize_t sent;
  do {
    sent = sendfile(fd, file, &position, count);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

int64_t cel_monotonic_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t cel_unix_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return time.tv_sec;
}

static __thread void *current_loop;

void *cel_current_loop(void) { return current_loop; }
void cel_set_current_loop(void *loop) { current_loop = loop; }

void cel_set_thread_name(const char *name) { prctl(PR_SET_NAME, name); }

static volatile sig_atomic_t signal_target = -1;
// The first signal: the time in milliseconds, shifted left by 8, and its number; 0 before. One lock-free word, for two threads may
// run the handler at the same time.
static _Atomic int64_t first_signal = 0;

// timeout(1) and others signal a process and its group: the process then gets the same signal twice.
bool cel_is_second_signal(int first, int number, int64_t milliseconds) { return number != first || milliseconds >= 500; }

static void forward_signal(int number) {
  // Only what is async-signal-safe: the time, a write, or the end.
  int saved = errno;
  const int64_t now = cel_monotonic_nanoseconds() / 1000000 + 1;
  int64_t first = 0;
  if (atomic_compare_exchange_strong(&first_signal, &first, now << 8 | number)) {
    cel_eventfd_signal(signal_target);
  } else if (cel_is_second_signal(first & 0xFF, number, now - (first >> 8))) {
    _exit(128 + number);
  }
  errno = saved;
}

int cel_signal_to_eventfd(int number, int fd) {
  atomic_store(&first_signal, 0);
  signal_target = fd;
  struct sigaction action = {.sa_handler = forward_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  CHECKED(sigaction(number, &action, NULL));
}

int cel_restore_signal(int number) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigemptyset(&action.sa_mask);
  CHECKED(sigaction(number, &action, NULL));
}

int cel_raise_open_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  return limit.rlim_cur > INT_MAX ? INT_MAX : (int)limit.rlim_cur;
}

#else
// Nothing: the event loop is Linux only, and this keeps the translation unit from being empty.
typedef int cel_unused;
#endif
