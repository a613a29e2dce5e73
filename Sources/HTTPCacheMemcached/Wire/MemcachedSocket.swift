//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A stream socket that never waits beyond a deadline. Used by one thread.
final class MemcachedSocket {
  private let descriptor: Int32
  /// When sending and receiving have to be over.
  var deadline: CacheInstant
  private let clock: CacheClock
  /// How long to wait for the other side to take or to send the next piece.
  private let patience: Duration

  /// Connects to a host, at the first of its addresses that takes the connection.
  init(
    to host: MemcachedHost, within limit: Duration, patience: Duration, clock: CacheClock
  ) throws(MemcachedWireError) {
    self.clock = clock
    self.patience = patience
    let deadline = clock.now.advanced(by: limit)
    self.deadline = deadline
    switch host.address {
    case .unixSocket(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
      descriptor = try withUnsafeBytes(of: address) { bytes throws(MemcachedWireError) in
        try Self.open(AF_UNIX, bytes, deadline, clock)
      }
    case .tcp(let name, let port):
      var hints = addrinfo()
      hints.ai_socktype = Self.streamType
      var list: UnsafeMutablePointer<addrinfo>?
      let code = getaddrinfo(name, String(port), &hints, &list)
      guard code == 0 else {
        throw MemcachedWireError(code: .connectionFailed, message: String(cString: gai_strerror(code)))
      }
      defer { freeaddrinfo(list) }
      descriptor = try Self.open(list, deadline, clock)
    }
  }

  deinit { close(descriptor) }

  private static func open(
    _ list: UnsafeMutablePointer<addrinfo>?, _ deadline: CacheInstant, _ clock: CacheClock
  ) throws(MemcachedWireError) -> Int32 {
    var failure = MemcachedWireError(code: .connectionFailed, message: "the name has no address")
    var next = list
    while let item = next {
      do throws(MemcachedWireError) {
        let address = UnsafeRawBufferPointer(start: item.pointee.ai_addr, count: Int(item.pointee.ai_addrlen))
        return try open(item.pointee.ai_family, address, deadline, clock)
      } catch { failure = error }
      next = item.pointee.ai_next
    }
    throw failure
  }

  private static func open(
    _ family: Int32, _ address: UnsafeRawBufferPointer, _ deadline: CacheInstant, _ clock: CacheClock
  ) throws(MemcachedWireError) -> Int32 {
    let descriptor = socket(family, streamType, 0)
    guard descriptor >= 0 else { throw system() }
    do throws(MemcachedWireError) {
      guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
        throw system()
      }
      func set(_ level: Int32, _ option: Int32) {
        var one: Int32 = 1
        setsockopt(descriptor, level, option, &one, socklen_t(MemoryLayout<Int32>.size))
      }
      if family != AF_UNIX {
        set(Int32(IPPROTO_TCP), TCP_NODELAY)
        set(SOL_SOCKET, SO_KEEPALIVE)
      }
      #if canImport(Darwin)
        set(SOL_SOCKET, SO_NOSIGPIPE)
      #endif
      if connect(descriptor, address.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(address.count)) != 0
      {
        // A Unix socket whose queue is full says EAGAIN, and is not being connected.
        guard errno == EINPROGRESS || errno == EINTR else { throw system() }
        try wait(descriptor, POLLOUT, until: deadline, clock)
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0, error == 0 else {
          throw system(error)
        }
      }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  // MARK: Sending and receiving

  /// Whether nothing has come that nobody has asked for, and the other side has not hung up.
  var isQuiet: Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, Self.peeking) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)
  }

  /// Sends all pieces.
  func write(_ pieces: [Bytes]) throws(MemcachedWireError) {
    for (index, piece) in pieces.enumerated() {
      let flags = index + 1 < pieces.count ? Self.sendingMore : Self.sending
      try piece.withUnsafeBytes { bytes throws(MemcachedWireError) in
        var rest = bytes[...]
        while !rest.isEmpty {
          let part = UnsafeRawBufferPointer(rebasing: rest)
          let count = send(descriptor, part.baseAddress, part.count, flags)
          if count >= 0 {
            rest = rest.dropFirst(count)
          } else if errno == EAGAIN || errno == EWOULDBLOCK {
            try wait(POLLOUT)
          } else if errno != EINTR {
            throw Self.system()
          }
        }
      }
    }
  }

  /// Waits until something has come, and takes it.
  ///
  /// - Returns: How many bytes of `memory` are filled, at least one.
  func read(into memory: UnsafeMutableRawBufferPointer) throws(MemcachedWireError) -> Int {
    while true {
      let count = recv(descriptor, memory.baseAddress, memory.count, 0)
      if count > 0 { return count }
      guard count < 0 else { throw MemcachedWireError(code: .connectionFailed, message: "the server has hung up") }
      if errno == EAGAIN || errno == EWOULDBLOCK {
        try wait(POLLIN)
      } else if errno != EINTR {
        throw Self.system()
      }
    }
  }

  private func wait(_ event: Int32) throws(MemcachedWireError) {
    try Self.wait(descriptor, event, until: min(deadline, clock.now.advanced(by: patience)), clock)
  }

  private static func wait(
    _ descriptor: Int32, _ event: Int32, until deadline: CacheInstant, _ clock: CacheClock
  ) throws(MemcachedWireError) {
    while true {
      // Rounded up: the clock is coarse, and what is asked for too early is asked for again.
      let rest = deadline.duration(since: clock.now) / .milliseconds(1)
      guard rest > 0 else { throw MemcachedWireError(code: .timedOut, message: "did not answer in time") }
      var request = pollfd(fd: descriptor, events: Int16(event), revents: 0)
      let count = poll(&request, 1, Int32(min(rest.rounded(.up), 3_600_000)))
      // What has gone wrong the next call finds out.
      if count > 0 { return }
      guard count == 0 || errno == EINTR else { throw system() }
    }
  }

  private static func system(_ code: Int32 = errno) -> MemcachedWireError {
    MemcachedWireError(code: .connectionFailed, message: String(cString: strerror(code)))
  }

  #if canImport(Darwin)
    private static let streamType = SOCK_STREAM
    private static let sending: Int32 = 0
    private static let sendingMore: Int32 = 0
    private static let peeking = MSG_PEEK | MSG_DONTWAIT
  #else
    #if canImport(Musl)
      private static let streamType = SOCK_STREAM
    #else
      private static let streamType = Int32(SOCK_STREAM.rawValue)
    #endif
    private static let sending = Int32(MSG_NOSIGNAL)
    private static let sendingMore = Int32(MSG_NOSIGNAL | MSG_MORE)
    private static let peeking = Int32(MSG_PEEK | MSG_DONTWAIT)
  #endif
}
