//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc

  /// An IPv4 or IPv6 address and a port.
  public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address in its usual notation, without brackets.
    public let host: String
    /// The port.
    public let port: Int
    let family: CInt
    private let bytes: [UInt8]

    init?(_ storage: sockaddr_storage) {
      var storage = storage
      family = CInt(storage.ss_family)
      var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      let size: Int
      switch family {
      case AF_INET:
        size = MemoryLayout<sockaddr_in>.size
        port = withUnsafePointer(to: &storage) { pointer in
          pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
            var raw = address.pointee.sin_addr
            inet_ntop(AF_INET, &raw, &text, socklen_t(text.count))
            return Int(UInt16(bigEndian: address.pointee.sin_port))
          }
        }
      case AF_INET6:
        size = MemoryLayout<sockaddr_in6>.size
        port = withUnsafePointer(to: &storage) { pointer in
          pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
            var raw = address.pointee.sin6_addr
            inet_ntop(AF_INET6, &raw, &text, socklen_t(text.count))
            return Int(UInt16(bigEndian: address.pointee.sin6_port))
          }
        }
      default:
        return nil
      }
      host = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      bytes = withUnsafeBytes(of: &storage) { Array($0.prefix(size)) }
    }

    /// Calls `body` with the address as the system wants it.
    func withStorage<Result>(_ body: (UnsafePointer<sockaddr_storage>, socklen_t) -> Result) -> Result {
      var storage = sockaddr_storage()
      withUnsafeMutableBytes(of: &storage) { $0.copyBytes(from: bytes) }
      return withUnsafePointer(to: &storage) { body($0, socklen_t(bytes.count)) }
    }

    /// `127.0.0.1:80` or `[::1]:80`.
    public var description: String { family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The addresses of `host`. **Blocks**, unless `host` is an address itself.
    ///
    /// - Throws: ``ResolutionError`` when there are none.
    static func resolve(_ host: String, port: Int, isPassive: Bool = false) throws(ResolutionError) -> [SocketAddress] {
      var hints = addrinfo()
      hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
      hints.ai_flags = AI_NUMERICSERV | (isPassive ? AI_PASSIVE : AI_ADDRCONFIG)
      if isLiteral(host) { hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST }
      var list: UnsafeMutablePointer<addrinfo>?
      let code = getaddrinfo(host, String(port), &hints, &list)
      guard code == 0 else {
        throw ResolutionError(host: host, reason: String(cString: gai_strerror(code)))
      }
      defer { freeaddrinfo(list) }
      var addresses: [SocketAddress] = []
      var next = list
      while let entry = next {
        var storage = sockaddr_storage()
        if let address = entry.pointee.ai_addr {
          withUnsafeMutableBytes(of: &storage) { memory in
            let length = min(memory.count, Int(entry.pointee.ai_addrlen))
            memory.copyMemory(from: UnsafeRawBufferPointer(start: address, count: length))
          }
        }
        if let address = SocketAddress(storage), !addresses.contains(address) { addresses.append(address) }
        next = entry.pointee.ai_next
      }
      guard !addresses.isEmpty else { throw ResolutionError(host: host, reason: "it has no address") }
      return addresses
    }

    /// Whether `host` is an address rather than a name, so that resolving it does not block.
    static func isLiteral(_ host: String) -> Bool {
      var buffer = in6_addr()
      return inet_pton(AF_INET, host, &buffer) == 1 || inet_pton(AF_INET6, host, &buffer) == 1
    }
  }
#endif
