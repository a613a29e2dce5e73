//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc

  @testable import ExampleSupport

  /// A server that does what a test says, one script for each connection, in order.
  final class OriginScript: Sendable {
    typealias Script = @Sendable (RawSocket) throws -> Void

    let port: Int
    private let listener: Listener
    private let accepted = Guarded(0)

    /// A listening socket, open for as long as somebody may use its number: after that, the number may be another test's.
    private final class Listener: Sendable {
      let descriptor: CInt

      init(_ descriptor: CInt) { self.descriptor = descriptor }

      deinit { close(descriptor) }
    }

    /// The number of connections so far.
    var connectionCount: Int { accepted.withLock { $0 } }

    init(_ scripts: Script...) throws {
      let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let code = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          bind(descriptor, address, length) == 0 && listen(descriptor, 16) == 0
            ? getsockname(descriptor, address, &length) : -1
        }
      }
      guard code == 0 else { throw RawSocket.Failure(description: "cannot listen") }
      let listener = Listener(descriptor)
      self.listener = listener
      port = Int(UInt16(bigEndian: address.sin_port))
      Task { [accepted] in
        for script in scripts {
          let client = try await onThread { accept(listener.descriptor, nil, nil) }
          guard client >= 0 else { return }
          accepted.withLock { $0 += 1 }
          Task { try await onThread { try script(RawSocket(descriptor: client)) } }
        }
      }
    }

    deinit {
      // Ends the wait for connections. The task that waits lets go of the socket then.
      _ = shutdown(listener.descriptor, CInt(SHUT_RDWR))
    }

    func client(_ configure: (inout UpstreamClient.Configuration) -> Void = { _ in }) throws -> UpstreamClient {
      var configuration = UpstreamClient.Configuration()
      configure(&configuration)
      return UpstreamClient(origin: OriginURL(host: "127.0.0.1", port: port), configuration: configuration)
    }
  }
#endif
