//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Memory that says how large it is, so that a store can count it.
///
/// Whoever keeps bytes of an owner that is not of this kind cannot know what they keep alive.
package protocol SizedMemory: AnyObject {
  /// The bytes that the memory takes, for as long as the object lives.
  var byteCount: Int { get }
}
