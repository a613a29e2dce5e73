//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import HTTPCache

  /// Looks names up off the event loops and off Swift's pool: `getaddrinfo` blocks, for seconds when a name server is down.
  final class HostResolver: Sendable {
    static let shared = HostResolver()

    private struct State {
      var known = BoundedMap<String, (addresses: [SocketAddress], expiry: Int64)>(maximumCount: 1_000)
      var waiters: [String: [CheckedContinuation<[SocketAddress], any Error>]] = [:]
    }

    /// How long an answer is believed: `getaddrinfo` does not tell the records' own time to live.
    private static let lifetime: Int64 = 30_000_000_000

    private let state = Guarded(State())

    /// The addresses of `host`, from memory when it has been looked up lately. Not cancellable: the caller has a deadline of
    /// its own, and the answer is remembered for the next.
    func resolve(_ host: String, port: Int) async throws -> [SocketAddress] {
      if SocketAddress.isLiteral(host) { return try SocketAddress.resolve(host, port: port) }
      let key = "\(host):\(port)"
      if let addresses = remembered(key) { return addresses }
      return try await withCheckedThrowingContinuation { continuation in
        let isFirst = state.withLock { state in
          state.waiters[key, default: []].append(continuation)
          return state.waiters[key]?.count == 1
        }
        if isFirst { lookUpOnThread(host, port: port, key: key) }
      }
    }

    private func remembered(_ key: String) -> [SocketAddress]? {
      let now = cel_monotonic_nanoseconds()
      return state.withLock { state in
        guard let entry = state.known[key], entry.expiry > now else { return nil }
        return entry.addresses
      }
    }

    private func lookUpOnThread(_ host: String, port: Int, key: String) {
      let code = DetachedThread.start { [self] in
        let result = Result { try SocketAddress.resolve(host, port: port) }
        let now = cel_monotonic_nanoseconds()
        let waiters = state.withLock { state in
          if case .success(let addresses) = result { state.known.append((addresses, now + Self.lifetime), for: key) }
          state.known.removeFirst { $0.value.expiry <= now }
          return state.waiters.removeValue(forKey: key) ?? []
        }
        for waiter in waiters { waiter.resume(with: result) }
      }
      guard code == 0 else {
        let waiters = state.withLock { $0.waiters.removeValue(forKey: key) ?? [] }
        for waiter in waiters { waiter.resume(throwing: SocketError(operation: "pthread_create", code: code)) }
        return
      }
    }
  }
#endif
