//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import CHiredis
internal import HTTPCache

/// Finding the server. All on the loop's thread.
extension RedisConnection {
  func begin(now: Int64) {
    guard shared.withLock({ $0.machine.begin(now: now) }) else { return }
    settings.counters.connecting()
    attempt += 1
    firstProblem = nil
    switch endpoint.address {
    case .unix(let path):
      take(redisConnectUnixNonBlock(path))
    case .tcp(let host, _) where Resolver.isAddress(host):
      addresses = [host]
      connectToNextAddress()
    case .tcp(let host, _):
      resolve(host)
    }
  }

  private func resolve(_ host: String) {
    // One at a time: a resolver that hangs must not collect threads.
    guard !isResolving else { return fail(RedisError(.resolutionFailed, "looking up \(host) takes too long")) }
    isResolving = true
    let attempt = attempt
    Resolver.resolve(host) { [weak self, loop] addresses in
      loop.execute { [weak self] in self?.resolved(host, addresses, attempt: attempt) }
    }
  }

  private func resolved(_ host: String, _ addresses: [String], attempt: Int) {
    isResolving = false
    // Too late: that attempt has been given up.
    guard self.attempt == attempt, context == nil, shared.withLock({ $0.machine.isConnecting }) else { return }
    guard !addresses.isEmpty else { return fail(RedisError(.resolutionFailed, "the host \(host) has no address")) }
    self.addresses = addresses
    connectToNextAddress()
  }

  private func connectToNextAddress() {
    guard case .tcp(_, let port) = endpoint.address, !addresses.isEmpty else {
      return fail(firstProblem ?? RedisError(.connectFailed, "\(endpoint) cannot be reached"))
    }
    take(redisConnectNonBlock(addresses.removeFirst(), CInt(port)))
  }

  private func take(_ connecting: UnsafeMutablePointer<redisContext>?) {
    guard let connecting else { return fail(RedisError(.connectFailed, "no memory for a connection")) }
    guard connecting.pointee.err == 0 else {
      let reason = withUnsafeBytes(of: &connecting.pointee.errstr) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      redisFree(connecting)
      return tryAnother(after: reason)
    }
    chr_prepare_socket(connecting.pointee.fd)
    context = connecting
    isConnected = false
  }

  func tryAnother(after reason: String) {
    if let context { redisFree(context) }
    context = nil
    firstProblem = firstProblem ?? RedisError(.connectFailed, "\(endpoint) cannot be reached: \(reason)")
    connectToNextAddress()
  }
}
