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
    /// How many loops there are unless somebody asks for another number: one for each processor but one, which is left to
    /// the tasks of misses and the kernel's part of the network.
    ///
    /// With a loop for each of two processors and a client beside them as many requests were answered, but the 99th
    /// percentile was five times as long: loops that want more processors than there are wait for each other's time slices.
    public static let defaultCount = max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))) - 1)

    /// ``defaultCount`` loops, for everything that does not ask for its own.
    public static let shared: EventLoopGroup = {
      do {
        return try EventLoopGroup(count: defaultCount)
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
