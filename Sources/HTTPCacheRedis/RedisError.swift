//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Why Redis gave no answer, or none that is of use.
///
/// A cache treats every one of them as a miss; they are told apart for those who operate it.
public struct RedisError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure it is.
  public let code: Code
  /// What happened, in words, and what can be done about it.
  public let message: String

  /// - Parameters: see the properties of the same names.
  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The value as text, for people.
  public var description: String { "\(code): \(message)" }

  /// The kinds of failures.
  public struct Code: Hashable, Sendable, CaseIterable, CustomStringConvertible {
    enum Kind: UInt8, CaseIterable {
      case cancelled, commandTimedOut, headOfLineTimedOut, disconnected, connectionLost, connectFailed, connectTimedOut
      case resolutionFailed, queueFull, circuitOpen, shutDown, protocolViolation, authenticationFailed
      case authenticationRequired, permissionDenied, readOnlyReplica, outOfMemory, loading, masterDown, clusterDown
      case tooManyRedirections, crossSlot, notMaster, noMaster, busy, noScript, wrongType, tooManyClients, serverError
      case unexpectedReply
    }

    let kind: Kind
    private init(_ kind: Kind) { self.kind = kind }

    /// All there are.
    public static let allCases = Kind.allCases.map { Code($0) }
    /// The value as text, for people and as a label of metrics.
    public var description: String { "\(kind)" }

    /// The caller's task was cancelled.
    public static let cancelled = Code(.cancelled)
    /// No answer within the command timeout. The connection is kept.
    public static let commandTimedOut = Code(.commandTimedOut)
    /// The server owed an answer and sent nothing for too long: the connection was given up.
    public static let headOfLineTimedOut = Code(.headOfLineTimedOut)
    /// There is no connection at the moment.
    public static let disconnected = Code(.disconnected)
    /// The connection broke while the command was on its way. It may have been carried out.
    public static let connectionLost = Code(.connectionLost)
    /// The server refused the connection, or cannot be reached.
    public static let connectFailed = Code(.connectFailed)
    /// Connecting and signing in took too long.
    public static let connectTimedOut = Code(.connectTimedOut)
    /// The host's name has no address, or finding it took too long.
    public static let resolutionFailed = Code(.resolutionFailed)
    /// Too many commands or bytes are waiting already.
    public static let queueFull = Code(.queueFull)
    /// The server has failed repeatedly and is left alone for a while.
    public static let circuitOpen = Code(.circuitOpen)
    /// The client was shut down.
    public static let shutDown = Code(.shutDown)
    /// The server sent what is not RESP2.
    public static let protocolViolation = Code(.protocolViolation)
    /// User or password are wrong (`WRONGPASS`).
    public static let authenticationFailed = Code(.authenticationFailed)
    /// The server wants a password and none is configured (`NOAUTH`).
    public static let authenticationRequired = Code(.authenticationRequired)
    /// The user may not do this (`NOPERM`).
    public static let permissionDenied = Code(.permissionDenied)
    /// The server is a replica and takes no writes (`READONLY`).
    public static let readOnlyReplica = Code(.readOnlyReplica)
    /// The server's memory is full and its policy does not let it evict (`OOM`).
    public static let outOfMemory = Code(.outOfMemory)
    /// The server is still reading its data set (`LOADING`).
    public static let loading = Code(.loading)
    /// The server is a replica without its master (`MASTERDOWN`).
    public static let masterDown = Code(.masterDown)
    /// The cluster does not serve this slot at the moment (`CLUSTERDOWN`, `TRYAGAIN`).
    public static let clusterDown = Code(.clusterDown)
    /// The nodes of the cluster keep referring to each other.
    public static let tooManyRedirections = Code(.tooManyRedirections)
    /// The keys of one command belong to different slots (`CROSSSLOT`).
    public static let crossSlot = Code(.crossSlot)
    /// The server that the sentinels name is not a master.
    public static let notMaster = Code(.notMaster)
    /// No sentinel knows where the master is.
    public static let noMaster = Code(.noMaster)
    /// A script keeps the server busy (`BUSY`).
    public static let busy = Code(.busy)
    /// The server does not have the script (`NOSCRIPT`).
    public static let noScript = Code(.noScript)
    /// There is something of another type under the key (`WRONGTYPE`).
    public static let wrongType = Code(.wrongType)
    /// The server has as many clients as it takes (`max number of clients reached`).
    public static let tooManyClients = Code(.tooManyClients)
    /// Another error that the server reported.
    public static let serverError = Code(.serverError)
    /// An answer of another type than the command gives.
    public static let unexpectedReply = Code(.unexpectedReply)
  }
}
