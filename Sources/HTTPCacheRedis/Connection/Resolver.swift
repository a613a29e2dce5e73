//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds the addresses of a host, on a thread of its own for as long as that takes: `getaddrinfo` cannot be given a
/// deadline, and must hold up neither the loop nor anybody who waits.
enum Resolver {
  /// Whether `host` is an address already.
  static func isAddress(_ host: String) -> Bool {
    var storage = in6_addr()
    return inet_pton(AF_INET, host, &storage) == 1 || inet_pton(AF_INET6, host, &storage) == 1
  }

  /// Calls `completion` on another thread, with no address when there is none.
  static func resolve(_ host: String, completion: @escaping @Sendable ([String]) -> Void) {
    let code = DetachedThread.start { completion(addresses(of: host)) }
    if code != 0 { completion([]) }
  }

  private static func addresses(of host: String) -> [String] {
    var hints = addrinfo()
    #if canImport(Darwin) || canImport(Musl)
      hints.ai_socktype = SOCK_STREAM
    #else
      hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var result: [String] = []
    var next = list
    while let item = next {
      next = item.pointee.ai_next
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let code = getnameinfo(
        item.pointee.ai_addr, item.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
      guard code == 0 else { continue }
      let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if !result.contains(address) { result.append(address) }
    }
    return result
  }
}
