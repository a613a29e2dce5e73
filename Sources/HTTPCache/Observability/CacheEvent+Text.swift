//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheEvent.Kind: CustomStringConvertible {
  /// The kind in words; of an answer, the outcome.
  public var description: String {
    switch self {
    case .answered(let outcome): outcome.description
    case .refused(let refusal): "not stored: \(refusal.rawValue)"
    default: name
    }
  }

  /// The kind without its reason.
  var name: String {
    switch self {
    case .answered: "answered"
    case .stored: "stored"
    case .refused: "not stored"
    case .refreshStarted: "refresh started"
    case .refreshFailed: "refresh failed"
    case .invalidated: "invalidated"
    case .backendFailed: "backend failed"
    }
  }
}

extension CacheEvent: CustomStringConvertible {
  /// The event in one line, for logs: the kind, then what is known, each with its name.
  public var description: String {
    var parts = ["\(kind)"]
    if let method { parts.append("\(method) \(target ?? key?.text ?? "-")") } else if let key { parts.append(key.text) }
    if let status { parts.append("status=\(status)") }
    if let bodySize { parts.append("size=\(bodySize)") }
    if let age { parts.append("age=\(age)") }
    if duration > .zero { parts.append("duration=\(duration)") }
    if let originDuration { parts.append("origin=\(originDuration)") }
    if let policyName { parts.append("policy=\(policyName)") }
    if !tags.isEmpty { parts.append("tags=\(tags.joined(separator: ","))") }
    if let requestID { parts.append("request=\(requestID)") }
    if let error { parts.append("error=\(error)") }
    return parts.joined(separator: " ")
  }
}

extension CacheEvent: Encodable {
  private enum CodingKeys: String, CodingKey {
    case event, outcome, refusal, key, method, target, requestID, policy, tags, status, bodySize, age, duration
    case originDuration, stored, error
  }

  /// Encodes what is known, for logs and traces: durations in seconds, the error as text, whether the response was stored as
  /// a Boolean if there was one to store.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(kind.name, forKey: .event)
    var refusal: StoreRefusal?
    if case .refused(let reason) = storing { refusal = reason }
    if case .refused(let reason) = kind { refusal = reason }
    if case .answered(let outcome) = kind { try container.encode(outcome, forKey: .outcome) }
    try container.encodeIfPresent(refusal, forKey: .refusal)
    try container.encodeIfPresent(key?.text, forKey: .key)
    try container.encodeIfPresent(method?.rawValue, forKey: .method)
    try container.encodeIfPresent(target, forKey: .target)
    try container.encodeIfPresent(requestID, forKey: .requestID)
    try container.encodeIfPresent(policyName, forKey: .policy)
    if !tags.isEmpty { try container.encode(tags, forKey: .tags) }
    try container.encodeIfPresent(status, forKey: .status)
    try container.encodeIfPresent(bodySize, forKey: .bodySize)
    try container.encodeIfPresent(age, forKey: .age)
    if duration > .zero { try container.encode(duration / .seconds(1), forKey: .duration) }
    try container.encodeIfPresent(originDuration.map { $0 / .seconds(1) }, forKey: .originDuration)
    if storing != .none { try container.encode(storing == .stored, forKey: .stored) }
    try container.encodeIfPresent(error.map { "\($0)" }, forKey: .error)
  }
}
