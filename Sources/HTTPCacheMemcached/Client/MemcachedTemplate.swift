//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CMemcached
import HTTPCache

/// libmemcached's description of one host, or of all of them, that connections are cloned from.
///
/// All behaviours are set here, before anything is cloned: changing one later resets the connections. libmemcached's own
/// defaults would wait five seconds for an answer.
final class MemcachedTemplate: @unchecked Sendable {
  // @unchecked: nothing changes `pointer` after `init`; what reads it takes it as const.
  private let pointer: UnsafeMutablePointer<memcached_st>

  init(hosts: [MemcachedHost], configuration: MemcachedConfiguration) throws(CacheConfigurationError) {
    guard let pointer = memcached_create(nil) else {
      throw CacheConfigurationError("libmemcached could not allocate a client")
    }
    self.pointer = pointer
    let behaviors: [(memcached_behavior_t, UInt64)] = [
      (MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1),
      (MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, configuration.wireProtocol == .binary ? 1 : 0),
      (MEMCACHED_BEHAVIOR_TCP_NODELAY, 1),
      (MEMCACHED_BEHAVIOR_TCP_KEEPALIVE, 1),
      (MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1),
      (MEMCACHED_BEHAVIOR_POLL_TIMEOUT, configuration.responseTimeout.milliseconds),
      (MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, configuration.connectTimeout.milliseconds),
    ]
    for (behavior, value) in behaviors {
      let code = memcached_behavior_set(pointer, behavior, value)
      guard code == MEMCACHED_SUCCESS else {
        throw CacheConfigurationError("libmemcached refused behavior \(behavior.rawValue) = \(value): \(text(code))")
      }
    }
    for host in hosts {
      let weight = UInt32(host.weight)
      let code =
        switch host.address {
        case .tcp(let name, let port): memcached_server_add_with_weight(pointer, name, in_port_t(port), weight)
        case .unixSocket(let path): memcached_server_add_unix_socket_with_weight(pointer, path, weight)
        }
      guard code == MEMCACHED_SUCCESS else {
        throw CacheConfigurationError("libmemcached refused the host \(host): \(text(code))")
      }
    }
  }

  deinit { memcached_free(pointer) }

  /// A client with these hosts and behaviours, not connected yet.
  func clone() -> UnsafeMutablePointer<memcached_st>? { memcached_clone(nil, pointer) }

  /// Which of the hosts `key` falls to.
  func hostIndex(of key: MemcachedKey) -> Int {
    Int(key.withCString { memcached_generate_hash(pointer, $0, $1) })
  }
}

/// What libmemcached calls `code`.
func text(_ code: memcached_return_t) -> String { String(cString: memcached_strerror(nil, code)) }

extension MemcachedKey {
  /// The bytes as C has them; not terminated.
  func withCString<Result>(_ body: (UnsafePointer<CChar>, Int) -> Result) -> Result {
    bytes.withUnsafeBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress!, $0.count) }
    }
  }
}

extension Duration {
  /// Whole milliseconds, rounded up.
  fileprivate var milliseconds: UInt64 {
    let (seconds, attoseconds) = components
    return UInt64(seconds) * 1000 + UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
