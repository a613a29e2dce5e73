//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import Synchronization

/// A handler whose answers say what they are, so that whoever gets one can tell whether it is whole, the one that was asked
/// for, and not older than was promised.
final class VerifiedOrigin: Sendable {
  /// What a body turns out to be.
  enum Finding {
    case right
    /// Of another resource, torn, or made of pieces of several.
    case wrong
    /// Made before an invalidation that had been acknowledged when the request began.
    case void
  }

  private struct Resource {
    var version = 1
    var promised = 0
  }

  private let resources: [Locked<Resource>]
  private let work: Duration
  private let callCount = Atomic(0)

  /// - Parameter work: How long an answer takes.
  init(count: Int, work: Duration) {
    resources = (0..<count).map { _ in Locked(Resource()) }
    self.work = work
  }

  /// How many resources there are.
  var count: Int { resources.count }
  /// How often it was asked.
  var calls: Int { callCount.load(ordering: .relaxed) }

  static func request(_ index: Int) -> CacheRequest {
    CacheRequest(scheme: "https", authority: "faults.example.com", target: "/item/\(index)")
  }

  /// What an invalidation of a resource says: every other one by its tag.
  static func invalidation(_ index: Int) -> CacheInvalidation {
    CacheInvalidation(
      index % 2 == 0
        ? .anyTag(["item:\(index)"])
        : .key(CacheKey(scheme: "https", authority: "faults.example.com", target: "/item/\(index)")))
  }

  /// The handler.
  func answer(_ request: CacheRequest) async throws -> CacheResponse {
    guard let index = request.path.split(separator: "/").last.flatMap({ Int($0) }), resources.indices.contains(index)
    else { return CacheResponse(status: 404) }
    callCount.wrappingAdd(1, ordering: .relaxed)
    if index % 2 == 0 { CacheTags.add("item:\(index)") }
    let version = resources[index].withLock { $0.version }
    try await Task.sleep(for: work)
    return CacheResponse(
      fields: ["Content-Type": "application/octet-stream"],
      body: Body(Self.body(index, version, size: size(of: index))))
  }

  /// The resource changes.
  ///
  /// - Returns: Its new version.
  func change(_ index: Int) -> Int {
    resources[index].withLock { resource in
      resource.version += 1
      return resource.version
    }
  }

  /// It was acknowledged that nothing older than `version` is served from now on.
  func promise(_ version: Int, for index: Int) {
    resources[index].withLock { $0.promised = max($0.promised, version) }
  }

  /// The oldest version that may be served to a request that begins now.
  func promised(_ index: Int) -> Int { resources[index].withLock { $0.promised } }

  // MARK: Bodies

  private static let period = 256

  /// Mostly small; some are as large as what travels on a connection of its own, and one is larger than a memcached item.
  private func size(of index: Int) -> Int {
    if index == count - 1 { return 1_300_000 }
    if index % 64 == 63 { return 100_000 }
    return index % 16 == 15 ? 20_000 : 300 + index &* 97 % 3000
  }

  /// A line that says what it is, and then the same 256 octets over and over, which are different for every resource and
  /// version.
  private static func body(_ index: Int, _ version: Int, size: Int) -> Bytes {
    let pattern = pattern(index, version, size: size)
    return Bytes(unsafeUninitializedCapacity: size) { memory in
      var offset = 0
      while offset < size {
        let count = min(period, size - offset)
        pattern.withUnsafeBytes {
          memory.baseAddress?.advanced(by: offset).copyMemory(from: $0.baseAddress!, byteCount: count)
        }
        offset += count
      }
      return size
    }
  }

  private static func pattern(_ index: Int, _ version: Int, size: Int) -> [UInt8] {
    var pattern = Array("item \(index) version \(version) size \(size)\n".utf8)
    var state = UInt64(truncatingIfNeeded: index) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: version)
    while pattern.count < period {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      pattern.append(UInt8(truncatingIfNeeded: state >> 33))
    }
    return pattern
  }

  /// Looks at what a client got.
  ///
  /// - Parameter oldest: What ``promised(_:)`` said before it asked.
  func finding(_ body: Bytes, of index: Int, notBefore oldest: Int) -> Finding {
    guard body.count == size(of: index) else { return .wrong }
    return body.withUnsafeBytes { octets in
      let line = octets.prefix(80).prefix { $0 != 0x0A }
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      guard words.count == 6, let version = Int(words[3]) else { return .wrong }
      let pattern = Self.pattern(index, version, size: octets.count)
      guard octets.prefix(Self.period).elementsEqual(pattern) else { return .wrong }
      // What repeats itself is equal to itself further on.
      let rest = octets.count - Self.period
      guard memcmp(octets.baseAddress!, octets.baseAddress!.advanced(by: Self.period), rest) == 0 else { return .wrong }
      return version < oldest ? .void : .right
    }
  }
}
