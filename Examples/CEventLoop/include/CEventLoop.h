//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

// What Swift cannot call directly, or only awkwardly: epoll, eventfd, gathered writes without SIGPIPE, a signal handler,
// and one thread-local pointer. Functions return a negative errno when they fail and never touch errno otherwise, so that
// nothing can come between a call and its error.
//
// Addresses and vectors are passed as `void *`: if this header named the system's types, Swift would take them for this
// module's instead of Glibc's.

#ifndef CEVENTLOOP_H
#define CEVENTLOOP_H

#ifdef __linux__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// One thing that epoll reports.
struct cel_event {
  uint64_t token;
  uint32_t events;
};

#define CEL_READABLE 0x001u
#define CEL_WRITABLE 0x004u
#define CEL_FAILED 0x008u
#define CEL_HUNG_UP 0x010u
#define CEL_PEER_CLOSED 0x2000u

int cel_epoll_create(void);
/// Edge-triggered, for reading, writing and the peer's end of stream.
int cel_epoll_add_stream(int epoll, int fd, uint64_t token);
/// Level-triggered, for reading; of the loops that share `fd`, one is woken.
int cel_epoll_add_listener(int epoll, int fd, uint64_t token);
/// Level-triggered, for reading.
int cel_epoll_add_level(int epoll, int fd, uint64_t token);
int cel_epoll_remove(int epoll, int fd);
/// At most 256 at a time. An interrupted wait reports nothing.
int cel_epoll_wait(int epoll, struct cel_event *events, int capacity, int timeout_milliseconds);

int cel_eventfd(void);
void cel_eventfd_signal(int fd);
void cel_eventfd_clear(int fd);

/// An IPv4 or IPv6 stream socket that neither blocks nor is inherited.
int cel_socket(int family);
/// `address` is a `sockaddr_storage`.
int cel_accept(int listener, void *address, uint32_t *length);
/// 0 when connected at once, -EINPROGRESS when it will take a while.
int cel_connect(int fd, const void *address, uint32_t length);
/// The outcome of a connect that took a while: 0 or a negative errno.
int cel_socket_error(int fd);
int cel_set_flag(int fd, int level, int option, int value);
void cel_set_nodelay(int fd);
/// Closes with a reset, so that the peer cannot take what it has for all there is.
void cel_abort(int fd);
int cel_shutdown_write(int fd);
int cel_close(int fd);

/// From a socket.
intptr_t cel_read(int fd, void *buffer, size_t capacity);
/// Never raises SIGPIPE. `has_more`: what follows at once may go into the same packet.
intptr_t cel_send(int fd, const void *vectors, int count, int has_more);
intptr_t cel_send1(int fd, const void *bytes, size_t count);
intptr_t cel_send2(int fd, const void *p0, size_t n0, const void *p1, size_t n1);

/// How many octets that were sent the peer has not acknowledged.
intptr_t cel_unacknowledged(int fd);

/// A file that is in memory only, and holds these bytes.
int cel_memory_file(const void *bytes, size_t count);
/// Sends from such a file, without copying. The thread must block SIGPIPE.
intptr_t cel_send_file(int fd, int file, int64_t offset, size_t count);

int64_t cel_monotonic_nanoseconds(void);
int64_t cel_unix_seconds(void);

/// The event loop that runs on this thread.
void *cel_current_loop(void);
void cel_set_current_loop(void *loop);
/// Names the calling thread, for debuggers; cut to 15 characters.
void cel_set_thread_name(const char *name);

/// Lets this process open as many files as it may at most, and says how many that are (INT_MAX: more than that).
int cel_raise_open_file_limit(void);

/// Whether the signal `number`, which comes so many milliseconds after the signal `first`, is a second one rather than the same
/// once more.
bool cel_is_second_signal(int first, int number, int64_t milliseconds);

/// From now on the first `signal` writes to the eventfd `fd`; a second one ends the process at once, unless it is the same
/// within half a second.
int cel_signal_to_eventfd(int signal, int fd);
int cel_restore_signal(int signal);

#endif
#endif
