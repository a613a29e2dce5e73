//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Stands between clients and a real server on this machine, and passes on what they say: at once, late, or until it resets
/// the connection in the middle of a reply.
public final class FaultyProxy: @unchecked Sendable {
  // @unchecked: `state` is only reached with the lock held.

  /// What it does to connections, also to those that are there already.
  public struct Fault: Sendable, Equatable {
    /// How long everything is held up, in each direction.
    public var delay: Duration
    /// How many bytes of replies a connection brings at most: somewhere before, it is reset. Nil: it is left alone.
    public var resetsWithin: Int?
    /// How many bytes of replies pass in a second, on each connection. Nil: as many as there are.
    public var bytesPerSecond: Int?
    /// What no request may contain: a connection that brings it is reset before the server has seen it.
    public var forbidden: [String]

    /// - Parameters: see the properties of the same names.
    public init(
      delay: Duration = .zero, resetsWithin: Int? = nil, bytesPerSecond: Int? = nil, forbidden: [String] = []
    ) {
      self.delay = delay
      self.resetsWithin = resetsWithin
      self.bytesPerSecond = bytesPerSecond
      self.forbidden = forbidden
    }
  }

  private struct State {
    var fault = Fault()
    var resets = 0
    var isClosed = false
  }

  /// Where it listens.
  public let port: Int
  private let listener: Int32
  private let lock = NSLock()
  private var state = State()

  /// Listens at a free port.
  ///
  /// - Parameter server: The port of the server; it need not be there yet.
  public init(to server: Int) throws {
    let (listener, port) = try LocalSocket.listen()
    self.listener = listener
    self.port = port
    Thread.detachNewThread { [weak self] in
      while true {
        let client = LocalSocket.accept(listener)
        guard client >= 0 else { return }
        Thread.detachNewThread { [weak self] in
          guard let self, let upstream = LocalSocket.connect(server) else {
            LocalSocket.reset(client)
            return
          }
          var relay = Relay(client: client, server: upstream)
          relay.run(self)
        }
      }
    }
  }

  deinit { close() }

  /// Ends all connections, and takes no more.
  public func close() {
    let wasClosed = lock.withLock {
      defer { state.isClosed = true }
      return state.isClosed
    }
    guard !wasClosed else { return }
    // Closing alone would leave the thread in accept.
    shutdown(listener, Int32(SHUT_RDWR))
    Foundation.close(listener)
  }

  /// What it does.
  public var fault: Fault {
    get { lock.withLock { state.fault } }
    set { lock.withLock { state.fault = newValue } }
  }

  /// How many connections it has reset.
  public var resetCount: Int { lock.withLock { state.resets } }

  fileprivate func noteReset() { lock.withLock { state.resets += 1 } }
  fileprivate var current: Fault? { lock.withLock { state.isClosed ? nil : state.fault } }
}

/// One connection through the proxy, on a thread of its own.
private struct Relay {
  private var requests: Stream
  private var replies: Stream
  private var replyCount = 0
  /// Where between nothing and all that the fault permits this connection is reset: anywhere in a reply.
  private let share = Double.random(in: 0...1)
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)

  init(client: Int32, server: Int32) {
    requests = Stream(from: client, to: server)
    replies = Stream(from: server, to: client)
    for descriptor in [client, server] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
  }

  mutating func run(_ proxy: FaultyProxy) {
    defer { for descriptor in [requests.from, replies.from] { close(descriptor) } }
    while proxy.current != nil {
      // The fault as it is after the waiting: it holds for all that comes from the moment that it is set.
      guard wait(), let fault = proxy.current else { return }
      let due = DispatchTime.now().uptimeNanoseconds + UInt64(fault.delay / .nanoseconds(1))
      requests.take(due, &buffer)
      if fault.forbidden.contains(where: requests.contains) {
        proxy.noteReset()
        LocalSocket.resetOnClose(replies.to)
        return
      }
      replyCount += replies.take(due, &buffer, bytesPerSecond: fault.bytesPerSecond)
      if let limit = fault.resetsWithin, Double(replyCount) > share * Double(limit) {
        // What has come so far is passed on up to the middle, and then nothing.
        replies.pieces = replies.pieces.map { (0, $0.bytes.prefix(($0.bytes.count + 1) / 2)) }
        replies.pass()
        proxy.noteReset()
        LocalSocket.resetOnClose(replies.to)
        return
      }
      requests.pass()
      replies.pass()
      for stream in [requests, replies] where stream.isEnded && stream.pieces.isEmpty { return }
    }
  }

  /// Waits until there is something to do.
  ///
  /// - Returns: False when the connection is beyond use.
  private func wait() -> Bool {
    var polls = [pollfd(fd: requests.from, events: 0, revents: 0), pollfd(fd: replies.from, events: 0, revents: 0)]
    if requests.canRead { polls[0].events |= Int16(POLLIN) }
    if replies.canRead { polls[1].events |= Int16(POLLIN) }
    if requests.isBlocked { polls[1].events |= Int16(POLLOUT) }
    if replies.isBlocked { polls[0].events |= Int16(POLLOUT) }
    let now = DispatchTime.now().uptimeNanoseconds
    var timeout: UInt64 = 50_000_000
    for stream in [requests, replies] where !stream.isBlocked {
      if let due = stream.pieces.first?.due { timeout = min(timeout, due > now ? due - now : 0) }
    }
    poll(&polls, nfds_t(polls.count), Int32((timeout + 999_999) / 1_000_000))
    return polls.allSatisfy { Int32($0.revents) & Int32(POLLERR | POLLNVAL) == 0 }
  }
}

extension Relay {
  /// What comes from one side and is on its way to the other.
  private struct Stream {
    let from: Int32
    let to: Int32
    var pieces: [(due: UInt64, bytes: ArraySlice<UInt8>)] = []
    var waiting = 0
    /// When the last piece is passed on.
    var lastDue: UInt64 = 0
    var isEnded = false
    /// Whether the other side takes no more at the moment.
    var isBlocked = false

    init(from: Int32, to: Int32) {
      self.from = from
      self.to = to
    }

    private static let limit = 4 << 20
    var canRead: Bool { !isEnded && waiting < Self.limit }

    /// Takes what has come.
    ///
    /// - Parameter due: When it is to be passed on.
    /// - Returns: How much it was.
    @discardableResult
    mutating func take(_ due: UInt64, _ buffer: inout [UInt8], bytesPerSecond: Int? = nil) -> Int {
      var total = 0
      while canRead {
        let count = read(from, &buffer, buffer.count)
        if count > 0 {
          lastDue = max(lastDue, due) + (bytesPerSecond.map { UInt64(count) * 1_000_000_000 / UInt64($0) } ?? 0)
          pieces.append((lastDue, ArraySlice(Array(buffer[..<count]))))
          waiting += count
          total += count
          if count < buffer.count { break }
        } else {
          if count == 0 || (errno != EAGAIN && errno != EINTR) { isEnded = true }
          break
        }
      }
      return total
    }

    /// Whether something waits to be passed on that contains a text.
    func contains(_ text: String) -> Bool { pieces.contains { $0.bytes.firstRange(of: text.utf8) != nil } }

    /// Passes on what is due.
    mutating func pass() {
      let now = DispatchTime.now().uptimeNanoseconds
      isBlocked = false
      while let piece = pieces.first, piece.due <= now {
        let count = piece.bytes.withUnsafeBytes { LocalSocket.send(to, $0) }
        guard count >= 0 else {
          if errno == EAGAIN || errno == EINTR {
            isBlocked = true
          } else {
            isEnded = true
            pieces.removeAll()
          }
          return
        }
        waiting -= count
        if count == piece.bytes.count { pieces.removeFirst() } else { pieces[0].bytes = piece.bytes.dropFirst(count) }
      }
    }
  }
}
