//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Notices that messages of other nodes have been missed, by their numbers. Pure.
///
/// A node that is heard of for the first time in the middle of its messages counts as a gap too: what it has said before may
/// have been meant for us. A doubt too many costs a lookup, one too few a wrong response.
public struct GapDetector: Sendable {
  /// What an event means.
  public enum Finding: Sendable {
    /// Nothing.
    case ignored
    /// This is to be done.
    case message(BackplaneMessage.Content)
    /// Something has been missed; and this, if anything, is to be done beside.
    case gap(BackplaneMessage.Content?)
  }

  /// How many nodes are remembered; the one that has been silent for longest is forgotten first.
  public static let limit = 1024

  private let own: UInt64
  /// The last message of each node, in the order in which the nodes were last heard of.
  private var last = BoundedMap<UInt64, (sequence: UInt64, isDoubted: Bool)>(maximumCount: limit)

  /// - Parameter own: The number of this node, whose messages mean nothing to itself.
  public init(own: UInt64) { self.own = own }

  /// How many nodes are remembered.
  public var publisherCount: Int { last.count }

  /// Takes in an event.
  public mutating func receive(_ event: BackplaneEvent) -> Finding {
    switch event {
    case .joined:
      // That is the doubt for all of them: what each says next continues from anywhere.
      for element in last { last[element.key]?.isDoubted = true }
      return .gap(nil)
    case .message(let message):
      return receive(message)
    }
  }

  private mutating func receive(_ message: BackplaneMessage) -> Finding {
    guard message.publisher != own else { return .ignored }
    var isHeartbeat = false
    if case .heartbeat = message.content { isHeartbeat = true }
    let known = last[message.publisher]
    let previous = known?.sequence
    // A heartbeat has the number of the message before it.
    let (next, overflow) = (previous ?? 0).addingReportingOverflow(isHeartbeat ? 0 : 1)
    let expected = overflow ? .max : next
    last.append((max(message.sequence, previous ?? 0), false), for: message.publisher)
    let content = isHeartbeat ? nil : message.content
    // One that is late was missed before, and is done now: twice is as good as once.
    if message.sequence <= expected || known?.isDoubted == true { return content.map { .message($0) } ?? .ignored }
    return .gap(content)
  }
}
