//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The tags of a stored response: names for what it depends on, so that it can be invalidated by them.
///
/// The groups of RFC 9875 are tags too, each with its origin in front, so that those of different origins have nothing to
/// do with each other (§2.1); ``group(_:scheme:authority:)`` makes their names, which no other tag can have.
public final class CacheTags: Sendable {
  /// The tags, each once.
  public let names: [String]

  /// Nil for no tags: most responses have none, and pay for none.
  ///
  /// - Parameter names: The tags. Those that are there twice are taken once, empty ones not at all.
  public init?(_ names: some Sequence<String>) {
    var seen: Set<String> = []
    let unique = names.filter { !$0.isEmpty && seen.insert($0).inserted }
    guard !unique.isEmpty else { return nil }
    self.names = unique
  }

  /// The tag that stands for a cache group of an origin (RFC 9875 §2.1).
  public static func group(_ group: String, scheme: String, authority: String) -> String {
    "\(scheme)://\(authority) \(group)"
  }

  /// The memory that the tags take, in bytes.
  var byteCount: Int {
    names.reduce(
      HeapBlock.byteCount(ofObjectWith: [String].self)
        + HeapBlock.byteCount(ofArrayOf: String.self, capacity: names.capacity)
    ) { $0 + HeapBlock.byteCount(of: $1) }
  }
}
