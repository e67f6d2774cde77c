import type * as expression from "./expression.ts";
import type * as pipe from "./pipe.ts";
import type * as query from "./query.ts";
import type * as script from "./script.ts";
import type * as statement from "./statement.ts";
import type * as type from "./type.ts";

/** Any node of the tree. */
export type Node =
  | script.Script
  | statement.Statement
  | statement.DefaultValue
  | statement.InsertValues
  | statement.InsertQuery
  | statement.Assignment
  | statement.MergeClause
  | statement.MergeClause["action"]
  | statement.CreateTableFrom
  | statement.ColumnDefinition
  | statement.TableConstraint
  | statement.ForeignReference
  | statement.ViewColumn
  | statement.CreateFunction["body"]
  | statement.FunctionParameter
  | statement.TableParameterType
  | statement.TableTypeColumn
  | statement.AlterAction
  | statement.ColumnChange
  | script.IfBranch
  | script.UsingArgument
  | expression.Expression
  | expression.Argument
  | expression.ValueSource
  | expression.CaseBranch
  | expression.StructConstructorField
  | expression.HavingModifier
  | expression.WindowName
  | expression.WindowSpec
  | expression.WindowFrame
  | expression.FrameBound
  | expression.WithBinding
  | query.Query
  | query.QueryBody
  | query.WithClause
  | query.CommonTable
  | query.SelectItem
  | query.StarReplacement
  | query.SetMatching
  | query.TableExpression
  | query.OffsetAlias
  | query.JoinOn
  | query.JoinUsing
  | query.Pivot
  | query.PivotAggregate
  | query.PivotValue
  | query.Unpivot
  | query.UnpivotItem
  | query.Sample
  | query.PrivacyClause
  | query.GroupBy
  | query.GroupingItem
  | query.GroupingSet
  | query.GroupingOrder
  | query.NamedWindow
  | query.OrderItem
  | query.Limit
  | pipe.PipeOperator
  | pipe.PipeSetItem
  | pipe.PipeRenameItem
  | pipe.PipeAggregateItem
  | type.TypeName
  | type.TypeParameter
  | type.StructTypeField
  | type.Identifier
  | type.ObjectName
  | type.OptionsList
  | type.OptionEntry
  | type.Hint
  | type.HintEntry;

/** The kinds there are, and the node of one: `NodeOf<"cast">`. */
export type NodeOf<K extends Node["kind"]> = Extract<Node, { readonly kind: K }>;
