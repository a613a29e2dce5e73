//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// Stores values of any size: what is larger than the servers take is split, and put together again when it is read.
package struct MemcachedValueStore: Sendable {
  package let client: MemcachedClient
  package let keys: MemcachedKeySpace
  private let itemSizeLimit: Int
  private let maximumValueSize: Int

  package init(client: MemcachedClient, configuration: MemcachedConfiguration) {
    self.client = client
    keys = MemcachedKeySpace(namespace: configuration.namespace)
    itemSizeLimit = configuration.itemSizeLimit
    maximumValueSize = configuration.maximumValueSize
  }

  /// How a value is to be stored.
  package enum Condition: Hashable, Sendable {
    /// In place of what is there.
    case always
    /// Only where there is nothing.
    case absent
    /// Only in place of what was found with this.
    case unchanged(UInt64)
  }

  /// Stores `value`.
  ///
  /// What is split becomes visible with its last part, the manifest: nobody ever sees half of it. Chunks whose manifest
  /// is gone or was never written are left to expire.
  package func store(
    _ value: Bytes, for key: MemcachedKey, _ expiration: MemcachedExpiration, if condition: Condition = .always,
    at host: Int? = nil
  ) async throws -> MemcachedStoreOutcome {
    guard value.count <= maximumValueSize else { return .tooLarge }
    guard value.count > itemSizeLimit else {
      return try await write(
        MemcachedValue(bytes: value, flags: MemcachedFormat.whole), for: key, expiration, condition, host)
    }
    let manifest = ChunkManifest(valueSize: value.count, chunkSize: itemSizeLimit)
    // A few at a time, so that a large value neither fills the queue nor waits there for longer than a call may take.
    for group in stride(from: 0, to: manifest.chunkCount, by: Self.chunksAtOnce) {
      let chunks = (group..<min(group + Self.chunksAtOnce, manifest.chunkCount)).map { index in
        (
          key: manifest.key(index, keys),
          value: MemcachedValue(bytes: value.slice(manifest.range(index)), flags: MemcachedFormat.chunk(index))
        )
      }
      for outcome in try await client.set(chunks, expiration) where outcome != .stored { return outcome }
    }
    return try await write(
      MemcachedValue(bytes: manifest.bytes, flags: MemcachedFormat.manifest), for: key, expiration, condition, host)
  }

  private static let chunksAtOnce = 8

  private func write(
    _ value: MemcachedValue, for key: MemcachedKey, _ expiration: MemcachedExpiration, _ condition: Condition,
    _ host: Int?
  ) async throws -> MemcachedStoreOutcome {
    switch condition {
    case .always: try await client.set(key, value, expiration, at: host)
    case .absent: try await client.add(key, value, expiration, at: host)
    case .unchanged(let unique): try await client.compareAndSet(key, value, expiration, unique: unique, at: host)
    }
  }

  /// The value that was stored under `key`.
  package func value(for key: MemcachedKey) async throws -> Bytes? {
    guard let item = try await client.get(key) else { return nil }
    return try await value(of: item)
  }

  /// The value that `item` of `key` is or stands for. One that takes too long is left alone for a while.
  ///
  /// - Parameter check: Throws when that has taken as long as it may.
  func value(
    of item: MemcachedItem, for key: MemcachedKey, at host: Int, _ check: () throws(MemcachedError) -> Void
  ) async throws -> Bytes? {
    do {
      return try await value(of: item, check)
    } catch let error as MemcachedError where error.code == .timedOut {
      if let manifest = ChunkManifest(item.value.bytes, maximumValueSize: maximumValueSize) {
        let slow = MemcachedWireError.SlowValue(key: key, byteCount: manifest.valueSize)
        client.slowValues(of: host).note(slow, at: CacheClock.system.now)
      }
      throw error
    }
  }

  /// The value that `item` is or stands for.
  ///
  /// - Returns: nil when a chunk is missing or is not what it should be, or `item` is no value.
  func value(
    of item: MemcachedItem, _ check: () throws(MemcachedError) -> Void = {}
  ) async throws -> Bytes? {
    if item.value.flags == MemcachedFormat.whole { return item.value.bytes }
    guard item.value.flags == MemcachedFormat.manifest,
      let manifest = ChunkManifest(item.value.bytes, maximumValueSize: maximumValueSize)
    else { return nil }
    var chunks: [Bytes] = []
    chunks.reserveCapacity(manifest.chunkCount)
    for group in stride(from: 0, to: manifest.chunkCount, by: Self.chunksAtOnce) {
      let range = group..<min(group + Self.chunksAtOnce, manifest.chunkCount)
      if group > 0 { try check() }
      let items = try await client.get(range.map { manifest.key($0, keys) })
      for (index, item) in zip(range, items) {
        guard let item, item.value.flags == MemcachedFormat.chunk(index),
          item.value.bytes.count == manifest.range(index).count
        else { return nil }
        chunks.append(item.value.bytes)
      }
    }
    return Bytes(joining: chunks)
  }
}
