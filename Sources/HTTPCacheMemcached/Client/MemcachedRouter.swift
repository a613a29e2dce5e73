//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CMemcached
import HTTPCache

/// Spreads keys over the hosts as libmemcached does, by weighted consistent hashing: every client of the same servers that
/// uses libmemcached, in whatever language, agrees.
// @unchecked: nothing changes `pointer` after `init`, and what reads it takes it as const.
final class MemcachedRouter: @unchecked Sendable {
  private let pointer: UnsafeMutablePointer<memcached_st>

  init(_ hosts: [MemcachedHost]) throws(CacheConfigurationError) {
    guard let pointer = memcached_create(nil) else {
      throw CacheConfigurationError("libmemcached could not allocate a client")
    }
    self.pointer = pointer
    let code = memcached_behavior_set(pointer, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1)
    guard code == MEMCACHED_SUCCESS else {
      throw CacheConfigurationError("libmemcached refused weighted hashing: \(text(code))")
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

  /// The number of the host that `key` falls to.
  func hostIndex(of key: MemcachedKey) -> Int {
    Int(key.withCString { memcached_generate_hash(pointer, $0, $1) })
  }
}

/// The words of libmemcached for `code`.
private func text(_ code: memcached_return_t) -> String { String(cString: memcached_strerror(nil, code)) }

extension MemcachedKey {
  /// The bytes as C has them; not terminated.
  fileprivate func withCString<Result>(_ body: (UnsafePointer<CChar>, Int) -> Result) -> Result {
    bytes.withUnsafeBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress!, $0.count) }
    }
  }
}
