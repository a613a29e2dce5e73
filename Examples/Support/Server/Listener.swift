//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc

  /// A listening socket, shared by all loops of a server: whichever is free accepts, and deals connections out in turn.
  final class Listener: Sendable {
    let address: SocketAddress
    private let descriptor: CInt
    private let isClosed = Guarded(false)

    /// Binds and listens. **Blocks** when `host` is a name that has to be looked up.
    init(host: String, port: Int) throws {
      var lastError: (any Error)?
      for address in try SocketAddress.resolve(host, port: port, isPassive: true) {
        do throws(SocketError) {
          descriptor = try Self.listen(on: address)
          self.address = Self.localAddress(descriptor) ?? address
          return
        } catch {
          lastError = error
        }
      }
      throw lastError ?? ResolutionError(host: host, reason: "it has no address")
    }

    deinit { close() }

    private static func listen(on address: SocketAddress) throws(SocketError) -> CInt {
      let operation = "cannot listen on \(address)"
      let descriptor = try SocketError.check(operation, cel_socket(address.family))
      do throws(SocketError) {
        _ = try SocketError.check(operation, cel_set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR, 1))
        let bound = address.withStorage { storage, length in
          storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard bound == 0 else { throw SocketError(operation: operation, code: errno) }
        guard Glibc.listen(descriptor, 1024) == 0 else { throw SocketError(operation: operation, code: errno) }
        return descriptor
      } catch {
        _ = cel_close(descriptor)
        throw error
      }
    }

    private static func localAddress(_ descriptor: CInt) -> SocketAddress? {
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let code = withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
      }
      return code == 0 ? SocketAddress(storage) : nil
    }

    /// Has `loop` accept connections.
    func accept(on loop: EventLoop, for core: ServerCore, dealingTo loops: [EventLoop]) -> Acceptor {
      Acceptor(descriptor: descriptor, loop: loop, loops: loops, core: core)
    }

    /// Closes the socket: whoever is not connected by now is refused. Every acceptor has to be stopped before.
    func close() {
      let wasClosed = isClosed.withLock { closed in
        defer { closed = true }
        return closed
      }
      if !wasClosed { _ = cel_close(descriptor) }
    }
  }
#endif
