//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Wants to be told of requests, all those for some keys: spatial sampling, after which the distances between the uses of a
/// key are what they were.
protocol RequestRecordConsumer: AnyObject, Sendable {
  /// The bound of the first half of the digests whose requests are wanted. May become lower, and is asked for after each
  /// call of `consume(_:)`.
  var threshold: UInt64 { get }

  /// Takes in records in the order of each key. Called by one thread at a time. There may be some of other keys among them.
  func consume(_ records: [RequestRecord])
}
