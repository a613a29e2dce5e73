//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc

  /// Some event loops, taken in turn.
  ///
  /// Their threads run until the process ends; make groups once, at the start.
  public final class EventLoopGroup: Sendable {
    /// One loop for each processor, for everything that does not ask for its own.
    public static let shared: EventLoopGroup = {
      do {
        return try EventLoopGroup(count: max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))))
      } catch {
        fatalError("cannot start the event loops: \(error)")
      }
    }()

    /// The loops.
    public let loops: [EventLoop]
    private let turn = Guarded(0)

    /// Starts `count` threads with a loop each.
    ///
    /// - Throws: When the system has no more descriptors or threads.
    public init(count: Int) throws(SocketError) {
      precondition(count > 0, "a group has at least one event loop")
      var loops: [EventLoop] = []
      for number in 0..<count { loops.append(try EventLoop(name: "event-loop-\(number)")) }
      self.loops = loops
    }

    /// Whose turn it is.
    public func next() -> EventLoop {
      loops[
        turn.withLock { turn in
          turn = (turn + 1) % loops.count
          return turn
        }]
    }

    /// The calling thread's loop when it is one of these, otherwise the one whose turn it is.
    func preferred() -> EventLoop {
      if let current = EventLoop.current, loops.contains(where: { $0 === current }) { return current }
      return next()
    }
  }
#endif
