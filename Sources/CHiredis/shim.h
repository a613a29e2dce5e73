//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

// hiredis, and what its user needs of the system that Swift cannot call directly, or only awkwardly: a descriptor to wake a
// poll(2) with, gathered writes without SIGPIPE, socket options. Functions return a negative errno when they fail, so that
// nothing can come between a call and its error.
//
// Vectors and descriptor sets are passed as `void *`: if this header named the system's types, Swift would take them for
// this module's instead of the C library's.

#ifndef SWIFT_HTTP_CACHE_CHIREDIS_H
#define SWIFT_HTTP_CACHE_CHIREDIS_H

// pkg-config may name the folder of the headers itself.
#if __has_include(<hiredis/hiredis.h>)
#include <hiredis/hiredis.h>
#else
#include <hiredis.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

/// Descriptors to wait for and to write to; the same one where the system has eventfd.
struct chr_wakeup {
  int reading;
  int writing;
};

static inline int chr_wakeup_open(struct chr_wakeup *wakeup) {
#ifdef __linux__
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) return -errno;
  wakeup->reading = wakeup->writing = fd;
#else
  int fds[2];
  if (pipe(fds) != 0) return -errno;
  for (int i = 0; i < 2; i++) {
    fcntl(fds[i], F_SETFL, O_NONBLOCK);
    fcntl(fds[i], F_SETFD, FD_CLOEXEC);
  }
  wakeup->reading = fds[0];
  wakeup->writing = fds[1];
#endif
  return 0;
}

#if HIREDIS_MAJOR >= 1
static inline void *chr_refuse_double(const redisReadTask *task, double value, char *text, size_t length) {
  (void)task, (void)value, (void)text, (void)length;
  return NULL;
}

static inline void *chr_refuse_bool(const redisReadTask *task, int value) {
  (void)task, (void)value;
  return NULL;
}
#endif

/// Has the parser fail at doubles and Booleans, which hiredis knows since 1.0 and which no server sends that has not been asked
/// for RESP3. Without functions for them the parser would return a number in place of an object.
static inline void chr_refuse_other_types(redisReplyObjectFunctions *functions) {
#if HIREDIS_MAJOR >= 1
  functions->createDouble = chr_refuse_double;
  functions->createBool = chr_refuse_bool;
#else
  (void)functions;
#endif
}

static inline void chr_wakeup_close(struct chr_wakeup wakeup) {
  close(wakeup.reading);
  if (wakeup.writing != wakeup.reading) close(wakeup.writing);
}

static inline void chr_wakeup_signal(struct chr_wakeup wakeup) {
  uint64_t one = 1;
  // Full means that a signal is already there.
  while (write(wakeup.writing, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

static inline void chr_wakeup_clear(struct chr_wakeup wakeup) {
  uint64_t count;
  while (read(wakeup.reading, &count, sizeof count) > 0) {
#ifdef __linux__
    break;
#endif
  }
}

/// An interrupted wait reports nothing. `descriptors` is an array of `pollfd`.
static inline int chr_poll(void *descriptors, unsigned count, int milliseconds) {
  int ready = poll((struct pollfd *)descriptors, count, milliseconds);
  if (ready >= 0) return ready;
  return errno == EINTR ? 0 : -errno;
}

/// What is to be watched for when only the end of a connection matters; 0 where a system has nothing of the kind, and the end
/// is noticed with the next command. POLLRDHUP, which not every way of including <poll.h> defines.
#ifdef __linux__
static const short chr_poll_hangup = 0x2000;
#else
static const short chr_poll_hangup = 0;
#endif

/// Whether something can be read, or will never be, within so many nanoseconds; fewer than a second.
static inline int chr_wait_readable(int fd, int64_t nanoseconds) {
  struct pollfd descriptor = {fd, POLLIN, 0};
#ifdef __linux__
  struct timespec limit = {0, (long)nanoseconds};
  return ppoll(&descriptor, 1, &limit, NULL) > 0;
#else
  return poll(&descriptor, 1, (int)((nanoseconds + 999999) / 1000000)) > 0;
#endif
}

/// Never raises SIGPIPE. `vectors` is an array of `iovec`.
static inline long chr_send(int fd, const void *vectors, int count) {
  struct msghdr message;
  memset(&message, 0, sizeof message);
  message.msg_iov = (struct iovec *)vectors;
  message.msg_iovlen = count;
#ifdef MSG_NOSIGNAL
  int flags = MSG_NOSIGNAL;
#else
  int flags = 0;
#endif
  for (;;) {
    ssize_t sent = sendmsg(fd, &message, flags);
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

/// 0 at the end of the stream.
static inline long chr_receive(int fd, void *buffer, size_t capacity) {
  for (;;) {
    ssize_t count = recv(fd, buffer, capacity, 0);
    if (count >= 0) return count;
    if (errno != EINTR) return -errno;
  }
}

/// The outcome of a connect that took a while: 0 or a negative errno.
static inline int chr_socket_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return -errno;
  return -error;
}

/// Not inherited by child processes; no SIGPIPE where that is an option of the socket.
static inline void chr_prepare_socket(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
#ifdef SO_NOSIGPIPE
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

/// Lets the system find out that the peer is gone, after about `seconds` of silence and three unanswered probes.
static inline void chr_keep_alive(int fd, int seconds) {
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  int interval = seconds / 3 > 0 ? seconds / 3 : 1;
  int count = 3;
#ifdef TCP_KEEPIDLE
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
#elif defined(TCP_KEEPALIVE)
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPALIVE, &seconds, sizeof seconds);
#endif
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

#endif
