/// Where a group stands. Raw values are the names that Kafka's tools print and filter by.
///
/// ```
///            first join                all joined                assignment stored
///   Empty ───────────────▶ Preparing ───────────────▶ Completing ───────────────▶ Stable
///     ▲  ◀──── nobody left ───┘  ▲  ▲                      │                         │
///     │                          │  └── join, leave, death ┘                         │
///     │                          └───────────── join, leave, death ──────────────────┘
///     └──▶ Dead (deletion is being stored; back to Empty when that fails)
/// ```
enum GroupState: String, Sendable, CaseIterable {
  /// No members. Offsets may remain, and whoever is no member may commit.
  case empty = "Empty"
  /// Members are called together: joins are parked, heartbeats answer REBALANCE_IN_PROGRESS.
  case preparingRebalance = "PreparingRebalance"
  /// The generation is fixed, the leader works out the assignment: syncs are parked.
  case completingRebalance = "CompletingRebalance"
  /// Every member has, or can have, its assignment; heartbeats keep members alive.
  case stable = "Stable"
  /// Being deleted. Nothing is accepted; clients are told to ask for the coordinator again.
  case dead = "Dead"

  /// The states this one may turn into.
  var successors: Set<GroupState> {
    switch self {
    case .empty: [.preparingRebalance, .dead]
    case .preparingRebalance: [.completingRebalance, .empty]
    case .completingRebalance: [.preparingRebalance, .stable]
    case .stable: [.preparingRebalance]
    case .dead: [.empty]
    }
  }

  /// Kafka's name in any letter case, as tools type it.
  init?(filter: String) {
    let wanted = filter.lowercased()
    guard let found = Self.allCases.first(where: { $0.rawValue.lowercased() == wanted }) else { return nil }
    self = found
  }
}
