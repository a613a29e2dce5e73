//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension MemcachedBackend {
  /// Takes the lease for `key` unless somebody holds it.
  ///
  /// The server forgets a lease a second or two late; its own moment is in it, by the wall clock, and counts.
  public func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    let instant = clock.now
    let token = leaseTokens.make(until: instant.advanced(by: duration), at: instant)
    do {
      if let lease = try await acquire(key, token, duration) { return lease }
    } catch {
      // The server may do it all the same, as soon as it can.
      leaseTokens.end(token)
      throw error
    }
    leaseTokens.end(token)
    return nil
  }

  private func acquire(_ key: CacheKey, _ token: UInt64, _ duration: Duration) async throws -> CacheLease? {
    try await translatingErrors {
      let now = clock.unixTime
      guard let expiration = MemcachedExpiration(lifetime: duration) else { return nil }
      let (place, lease) = leasePlace(key)
      let check = patience(with: place.host)
      let end = now.milliseconds.addingReportingOverflow(duration.milliseconds)
      let value = Self.value(token: token, until: end.overflow ? .max : end.partialValue)
      for _ in 0..<4 {
        if try await stored(try await client.add(lease, value, expiration, at: place.host), place.host) {
          return CacheLease(key: key, token: token)
        }
        try check()
        guard let item = try await client.get([lease], from: place.host)[0] else { continue }
        if let held = Self.held(item), held.until > now.milliseconds, !leaseTokens.isOrphan(held.token, at: clock.now) {
          return held.token == token ? CacheLease(key: key, token: token) : nil
        }
        try check()
        let outcome = try await client.compareAndSet(lease, value, expiration, unique: item.unique, at: place.host)
        if try await stored(outcome, place.host) { return CacheLease(key: key, token: token) }
      }
      // Taken by others each time.
      return nil
    }
  }

  /// Gives a lease back, if it is still held.
  public func releaseLease(_ lease: CacheLease) async {
    leaseTokens.end(lease.token)
    let (place, key) = leasePlace(lease.key)
    guard let expiration = MemcachedExpiration(lifetime: .seconds(1)),
      let item = try? await client.get([key], from: place.host)[0], Self.held(item)?.token == lease.token
    else { return }
    // Deleting would not ask whether it is still ours. A lease that has ended is none.
    let ended = Self.value(token: lease.token, until: 0)
    _ = try? await client.compareAndSet(key, ended, expiration, unique: item.unique, at: place.host)
  }

  private func leasePlace(_ key: CacheKey) -> (place: MemcachedPlace, lease: MemcachedKey) {
    (MemcachedPlace(key, keys, client), keys.key(.lease, key.text))
  }

  private func stored(_ outcome: MemcachedStoreOutcome, _ host: Int) async throws -> Bool {
    switch outcome {
    case .stored: true
    case .notStored: false
    case .tooLarge, .outOfMemory: throw MemcachedError(.refused, host: client.hostName(host), "has no memory left")
    }
  }

  private static func value(token: UInt64, until end: Int64) -> MemcachedValue {
    MemcachedValue(bytes: Bytes("\(token) \(end)"), flags: MemcachedFormat.lease)
  }

  private static func held(_ item: MemcachedItem) -> (token: UInt64, until: Int64)? {
    let words = item.value.bytes.description.split(separator: " ")
    guard item.value.flags == MemcachedFormat.lease, words.count == 2, let token = UInt64(words[0]),
      let end = Int64(words[1])
    else { return nil }
    return (token, end)
  }
}

extension Duration {
  /// Whole milliseconds, rounded down; clamped.
  fileprivate var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? .max : product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue
  }
}
