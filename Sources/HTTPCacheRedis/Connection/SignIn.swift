//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a connection says before it is of use, and what must be answered.
struct SignIn: Sendable {
  enum Step: Sendable {
    case authenticate(RedisCredentials)
    case select(Int)
    case name(String)
    /// The server must say that it is a master: sentinels may name one that no longer is.
    case masterRole
    /// Something whose answer somebody wants to see.
    case other(RedisCommand, @Sendable (RedisReply) -> Void)
    /// Anything, so that a server that hangs is not taken for one that answers.
    case ping
  }

  var steps: [Step]

  init(
    credentials: RedisCredentials?, database: Int = 0, clientName: String? = nil, demandsMaster: Bool = false,
    others: [Step] = []
  ) {
    steps = []
    if let credentials { steps.append(.authenticate(credentials)) }
    if database != 0 { steps.append(.select(database)) }
    if let clientName { steps.append(.name(clientName)) }
    if demandsMaster { steps.append(.masterRole) }
    steps += others
    if steps.isEmpty { steps = [.ping] }
  }

  static func command(_ step: Step) -> RedisCommand {
    switch step {
    case .authenticate(let credentials):
      RedisCommand("AUTH", (credentials.username.map { [.text($0)] } ?? []) + [.text(credentials.password)])
    case .select(let database): RedisCommand("SELECT", [.integer(Int64(database))])
    case .name(let name): RedisCommand("CLIENT", ["SETNAME", .text(name)])
    case .masterRole: RedisCommand("ROLE")
    case .other(let command, _): command
    case .ping: RedisCommand("PING")
    }
  }

  /// What is wrong with the answer, if something is.
  static func problem(with reply: RedisReply, to step: Step) -> RedisError? {
    switch step {
    case .name, .ping, .masterRole:
      // A user who may not do this may still do all that matters; but a server that lets nobody in is of no use.
      if let error = reply.error, error.code != .permissionDenied, error.code != .loading, error.code != .serverError {
        return error
      }
      if case .masterRole = step, let role = reply.array?.first?.text, role != "master" {
        return RedisError(.notMaster, "the sentinels named a server that says it is a \(role)")
      }
      return nil
    case .other(_, let receive):
      receive(reply)
      return reply.error
    case .authenticate, .select:
      return reply.error
    }
  }
}
